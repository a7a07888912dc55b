"""A websocket of the whole application, without a wire between."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from channels.testing import WebsocketCommunicator

from bots.threads import in_thread
from config.asgi import application
from conversations.models import Message
from conversations.runner import runner

SECONDS = 10
OWN = (b"host", b"chat.example")


class Client:
    """One socket; `ready` and `history` are the last that came."""

    def __init__(self, *headers: tuple[bytes, bytes], path: str = "/ws/chat/demo/") -> None:
        self.socket = WebsocketCommunicator(application, path, headers=[OWN, *headers])
        self.ready: dict[str, Any] = {}
        self.history: dict[str, Any] = {}
        self.frames: list[dict[str, Any]] = []

    async def hello(self, **more: Any) -> Client:
        assert (await self.socket.connect(SECONDS))[0]
        await self.tell("hello", **more)
        assert [(await self.next())["type"] for _ in range(2)] == ["ready", "history"]
        return self

    async def tell(self, kind: str, **more: Any) -> None:
        await self.raw(json.dumps({"type": kind, **more}))

    async def raw(self, text: str) -> None:
        await self.socket.send_input({"type": "websocket.receive", "text": text})

    async def next(self) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(await self.socket.receive_from(SECONDS))
        self.frames.append(frame)
        if frame["type"] in {"ready", "history"}:
            setattr(self, frame["type"], frame)
        return frame

    async def until(self, kind: str, **more: Any) -> dict[str, Any]:
        """The next frame of this kind with these values."""
        while True:
            frame = await self.next()
            if frame["type"] == kind and more.items() <= frame.items():
                return frame

    async def say(self, text: str) -> dict[str, Any]:
        """Its `ack`."""
        name = uuid.uuid4().hex
        await self.tell("message", id=name, text=text)
        return await self.until("ack", id=name)

    async def ask(self, text: str) -> str:
        """The answer's text."""
        await self.say(text)
        return str((await self.until("message", role="assistant"))["text"])

    async def closed(self) -> int:
        """The code it is closed with, after whatever else comes."""
        while True:
            event = await self.socket.receive_output(SECONDS)
            if event["type"] == "websocket.close":
                return int(event["code"])
            self.frames.append(json.loads(event["text"]))


@asynccontextmanager
async def clients() -> AsyncIterator[Callable[..., Client]]:
    """Makes sockets; they are closed and the runner is drained in the end."""
    made: list[Client] = []

    def client(*headers: tuple[bytes, bytes], **more: str) -> Client:
        made.append(Client(*headers, **more))
        return made[-1]

    try:
        yield client
    finally:
        for each in made:
            await each.socket.disconnect(timeout=SECONDS)
        await runner.drain(5)
        assert not runner.hub._watchers


async def stored() -> list[tuple[int, str, str]]:
    rows = Message.objects.order_by("conversation_id", "seq").values_list("seq", "role", "text")
    return await in_thread(lambda: list(rows))
