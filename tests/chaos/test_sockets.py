"""Visitors whose line breaks while an answer is written, and who come back, here or on another process."""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.chaos.fleet import Fleet, seed_of_this_run
from tests.chaos.judge import words
from tests.chaos.verdict import ask

pytestmark = pytest.mark.chaos
VISITORS = 100
LENGTH = 60


class Visitor:
    """A browser's memory: who it is, where it was, what it was shown."""

    def __init__(self, made: Fleet, chance: random.Random) -> None:
        self.made, self.chance = made, chance
        self.token, self.conversation, self.seq = "", None, 0
        self.answers: list[str] = []
        self.attempt, self.blocks = 0, dict[int, str]()
        self.moves = 0

    async def ask(self, text: str) -> None:
        """Say it, and stay until it is answered, whatever the line does."""
        name, cuts = uuid.uuid4().hex, self.chance.randrange(1, 4)
        webs = self.made.ready("web")
        at = self.chance.choice(webs)
        while not self.answers:
            try:
                async with connect(f"ws://127.0.0.1:{at.port}/ws/chat/demo/") as socket:
                    await self.hello(socket)
                    if not self.answers:
                        await self.say(socket, id=name, text=text)  # again is no second message
                    await self.listen(socket, self.chance.uniform(0.05, 0.5) if cuts else 30.0)
            except (ConnectionClosed, OSError):
                await asyncio.sleep(0.1)
            cuts = max(0, cuts - 1)
            if self.chance.random() < 0.5:
                at, self.moves = self.chance.choice([web for web in webs if web is not at]), self.moves + 1

    async def hello(self, socket: ClientConnection) -> None:
        await socket.send(json.dumps({
            "type": "hello", "visitor": self.token, "conversation": self.conversation, "after": self.seq,
        }))  # fmt: skip
        for _ in range(2):
            self.take(json.loads(await socket.recv()))

    async def say(self, socket: ClientConnection, **more: str) -> None:
        await socket.send(json.dumps({"type": "message", **more}))

    async def listen(self, socket: ClientConnection, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not self.answers:
                    self.take(json.loads(await socket.recv()))
        except TimeoutError:
            socket.transport.abort()  # as a line breaks: without a word

    def take(self, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "ready":
                self.token, self.conversation = frame["visitor"], frame["conversation"]
            case "history":
                for message in frame["messages"]:
                    self.stored(message)
            case "start" | "delta":
                self.draw(frame)
            case "message":
                self.stored(frame)
            case "ack":
                self.seq = max(self.seq, frame["seq"])  # its own message is not told again
            case "error":
                raise AssertionError(frame)

    def draw(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "start" and frame["attempt"] >= self.attempt:
            self.attempt = frame["attempt"]
            self.blocks = {block["block"]: block.get("text", "") for block in frame["blocks"]}
        elif frame["type"] == "delta" and frame["attempt"] == self.attempt:
            self.blocks[frame["block"]] = self.blocks.get(frame["block"], "") + frame["text"]

    def stored(self, message: dict[str, Any]) -> None:
        assert message["seq"] <= self.seq + 1, (self.seq, message)  # no hole
        if message["seq"] == self.seq + 1:
            self.seq = message["seq"]
            if message["role"] == "assistant":
                self.answers.append(message["text"])


def test_a_hundred_visitors_whose_line_breaks_read_the_same_text(made: Fleet) -> None:
    seed = seed_of_this_run()
    made.start("web"), made.start("web")
    made.await_ready(2)
    chance = random.Random(seed)
    visitors = [Visitor(made, random.Random(chance.random())) for _ in range(VISITORS)]

    async def all_of_them() -> None:
        await asyncio.gather(*(visitor.ask(f"long {LENGTH}") for visitor in visitors))

    asyncio.run(asyncio.wait_for(all_of_them(), 120))
    whole = sum(visitor.answers == [words(LENGTH)] for visitor in visitors)
    drafts = sum("".join(visitor.blocks.values()) == words(LENGTH) for visitor in visitors)
    print(f"{whole} of {VISITORS} texts identical, {drafts} of them shown in full before they were stored, "
          f"{sum(visitor.moves for visitor in visitors)} moves to the other process")  # fmt: skip
    assert whole == VISITORS
    assert ask(made, "SELECT count(*) FROM conversations_turn") == [(VISITORS,)]
    assert sum(visitor.moves for visitor in visitors) > VISITORS / 3
    for visitor in visitors:
        assert words(LENGTH).startswith("".join(visitor.blocks.values())), visitor.blocks
