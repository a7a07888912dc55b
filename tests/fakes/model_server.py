"""A model server on loopback that speaks OpenAI's protocol and fails on demand.

`with ModelServer() as server:` then `server.base_url`; `server.script(...)` queues replies, else it echoes the person's
last message. Every request's body is kept in `server.requests`.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.loopback import Loopback

Write = Callable[[bytes], Coroutine[Any, Any, None]]


@dataclass(slots=True, kw_only=True)
class Reply:
    """One scripted answer. `raw` is sent as it is after the head; `status` other than 200 sends `body` alone."""

    text: str = ""
    reasoning: str = ""
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    finish: str | None = "stop"
    usage: dict[str, Any] | None = field(default_factory=lambda: {"prompt_tokens": 12, "completion_tokens": 5})
    done: bool = True
    status: int = 200
    body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    raw: list[bytes] = field(default_factory=list)
    pause: float = 0.0  # before each event
    hang: float = 0.0  # before the head
    stall: float = 0.0  # after the last text, before the end
    cut: bool = False  # drop the connection after the text
    linger: float = 0.0  # after the end was told


def event(payload: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    return event(
        {
            "id": "c",
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        }
    )


class ModelServer(Loopback):
    """What a provider's server does, and everything it can do wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.connections: set[Any] = set()  # on which was asked, by the port they came from
        self.strict = False  # as chat templates that take one system message, the first
        self.offers: Any = [{"id": "fake-small"}, {"id": "fake-large"}, {"id": "old", "shutdown_date": "2027-01-14"}]
        self.listing = Reply()  # how the list of models is answered: status, body, raw, hang
        self.pace = 0.0  # seconds that an answer takes which nobody scripted
        self.at_once = self.most_at_once = 0
        self.key = ""  # the one key that is right; "": any
        self._script: deque[Reply] = deque()

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1"

    def script(self, *replies: Reply) -> None:
        """What the next calls are answered with."""
        self._script.extend(replies)

    def forget(self) -> None:
        """What it was to say and was never asked for."""
        self._script.clear()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v1/models", self._models), web.get("/v1/key", self._key),
            web.post("/v1/chat/completions", self._chat),
        ]  # fmt: skip

    async def _models(self, request: web.Request) -> web.Response:
        self.headers.append(dict(request.headers))
        await asyncio.sleep(self.listing.hang)
        if self.listing.status != 200:
            return web.json_response(self.listing.body, status=self.listing.status, headers=self.listing.headers)
        if self.listing.raw:
            return web.Response(body=b"".join(self.listing.raw), content_type="text/html")
        return web.json_response({"object": "list", "data": self.offers})

    async def _key(self, request: web.Request) -> web.Response:
        """As OpenRouter judges a key: its list of models is open to everybody."""
        right = request.headers.get("Authorization") == f"Bearer {self.key}"
        return web.json_response({"data": {"label": "key"}}, status=200 if right else 401)

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.requests.append(body)
        self.headers.append(dict(request.headers))
        self.connections.add(request.transport and request.transport.get_extra_info("peername"))
        last = next((m["content"] for m in reversed(body["messages"]) if m["role"] == "user"), "")
        if self.strict and any(message["role"] == "system" for message in body["messages"][1:]):
            error = {"error": {"message": "Conversation roles must alternate", "type": "BadRequestError", "code": 400}}
            return web.json_response(error, status=400)
        reply = self._script.popleft() if self._script else Reply(text=f"echo: {last}", hang=self.pace)
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            return await self._replied(reply, request)
        finally:
            self.at_once -= 1

    async def _replied(self, reply: Reply, request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(reply.hang)
        if reply.status != 200:
            return web.json_response(reply.body, status=reply.status, headers=reply.headers)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        with suppress(ConnectionError):
            await self._speak(reply, response.write, request)
        return response

    async def _speak(self, reply: Reply, write: Write, request: web.Request) -> None:
        for piece in [*reply.raw, *_pieces(reply)]:
            await asyncio.sleep(reply.pause)
            await write(piece)
        if reply.cut and request.transport:
            request.transport.abort()
            return
        await asyncio.sleep(reply.stall)
        if reply.finish:
            await write(chunk({}, reply.finish))
        if reply.usage:
            await write(event({"choices": [], "usage": reply.usage}))
        if reply.done:
            await write(b"data: [DONE]\n\n")
        await asyncio.sleep(reply.linger)


def _pieces(reply: Reply) -> list[bytes]:
    words = reply.text.split(" ")
    found = [chunk({"reasoning_content": reply.reasoning})] if reply.reasoning else []
    if reply.text:
        found += [chunk({"content": word if i == 0 else f" {word}"}) for i, word in enumerate(words)]
    for index, call in enumerate(reply.tool_calls):
        arguments = call["arguments"]
        head = {"index": index, "id": call.get("id", f"call_{index}"), "type": "function"}
        found.append(chunk({"tool_calls": [{**head, "function": {"name": call["name"], "arguments": ""}}]}))
        for start in range(0, len(arguments), 7):
            piece = {"index": index, "function": {"arguments": arguments[start : start + 7]}}
            found.append(chunk({"tool_calls": [piece]}))
    return found
