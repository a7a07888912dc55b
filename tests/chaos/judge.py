"""The outside world in a process of its own: a model, platforms, a till. What it took is on disk before it answers.

    python -m tests.chaos.judge LOG '{"refuse": 0.3, "hang": 0.1, "seed": 1}'

The model repeats what the person wrote; "pay <n>" asks for the tool `pay` first, "long <n>" says n words slowly, and
"slow <n> …" says them after what it repeats.
`/keyed` is a platform that knows repeated ids, `/plain` one that does not.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from contextlib import suppress
from typing import Any

from aiohttp import web

THINK = (0.02, 0.08)
SLOW = 0.012  # between the words of a long answer
HANG = 12.0  # longer than SEND_SECONDS of the judged


def words(count: int) -> str:
    """The long answer of this many words."""
    return " ".join(f"word{number}" for number in range(count))


def answer(asked: str) -> str:
    """What the model says to this, but for payments."""
    verb, _, rest = asked.partition(" ")
    match verb:
        case "long":
            return words(int(rest))
        case "slow":
            return f"echo: {asked} {words(int(rest.split()[0]))}"
    return f"echo: {asked}"


class Judge:
    """Sees every call from outside the processes that make them."""

    def __init__(self, log: str, faults: dict[str, Any]) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._faults = faults
        self._chance = random.Random(faults.get("seed", 0))
        self._known: set[str] = set()
        self._not_before: dict[str, float] = {}

    def note(self, what: str, **more: Any) -> None:
        os.write(self._log, json.dumps({"what": what, "at": time.time(), **more}).encode() + b"\n")

    def app(self) -> web.Application:
        app = web.Application(client_max_size=2**24)
        app.add_routes([
            web.post("/v1/chat/completions", self.chat),
            web.post("/effect", self.effect),
            web.post("/keyed", self.keyed),
            web.post("/plain", self.plain),
        ])  # fmt: skip
        return app

    async def chat(self, request: web.Request) -> web.StreamResponse:
        messages = (await request.json())["messages"]
        asked = [m["content"] for m in messages if m["role"] == "user"][-1]
        self.note("model", text=asked)
        await asyncio.sleep(self._chance.uniform(*THINK))
        with suppress(ConnectionResetError):  # whoever asked is dead
            return await self._say(request, messages, asked)
        return web.Response()

    async def _say(self, request: web.Request, messages: list[Any], asked: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        verb, _, rest = asked.partition(" ")
        if verb == "pay" and messages[-1]["role"] != "tool":
            call = {"index": 0, "id": "c", "function": {"name": "pay", "arguments": json.dumps({"order": rest})}}
            await self._send(response, {"tool_calls": [call]})
        elif verb in ("long", "slow"):
            for number, word in enumerate(answer(asked).split(" ")):
                await self._send(response, {"content": word if not number else f" {word}"})
                await asyncio.sleep(SLOW)
        else:
            for piece in ("echo: ", asked):
                await self._send(response, {"content": piece})
        await self._send(response, {}, finish="stop")
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _send(self, response: web.StreamResponse, delta: dict[str, Any], finish: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        await response.write(b"data: " + json.dumps({"id": "c", "choices": [choice]}).encode() + b"\n\n")

    async def effect(self, request: web.Request) -> web.Response:
        self.note("effect", **await request.json())
        return web.Response()

    async def keyed(self, request: web.Request) -> web.Response:
        return await self._take(request, knows=True)

    async def plain(self, request: web.Request) -> web.Response:
        return await self._take(request, knows=False)

    async def _take(self, request: web.Request, *, knows: bool) -> web.Response:
        body = await request.json()
        name, now = body["id"], time.time()
        if now < self._not_before.pop(name, 0):
            self.note("early", id=name)
        if knows and name in self._known:
            self.note("repeat", id=name)
            return web.Response()
        if self._chance.random() < self._faults.get("refuse", 0):
            self._not_before[name] = now + 0.98
            self.note("refused", id=name)
            return web.Response(status=429, headers={"Retry-After": "1"})
        self._known.add(name)
        self.note("sent", id=name, chat=body["chat_id"], text=body["text"])
        if self._chance.random() < self._faults.get("hang", 0):
            await asyncio.sleep(HANG)
        return web.Response()


def main() -> None:
    log, faults = sys.argv[1:]
    runner = web.AppRunner(Judge(log, json.loads(faults)).app(), shutdown_timeout=0.1)

    async def serve() -> None:
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
