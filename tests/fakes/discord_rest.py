"""Discord's REST API: what it takes, what it refuses, and how it says so."""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes import discord_objects as objects
from tests.fakes.discord_forms import Fault, check
from tests.fakes.discord_gateway import Gateway
from tests.fakes.discord_objects import Bot, snowflake

NONCE_SECONDS = 300.0
TO_NOTICE, TO_ANSWER = 3.0, 900.0
THINKING = 1 << 7  # of a message's flags


@dataclass(slots=True, kw_only=True)
class Refusal:
    """How to answer instead. `path`: of the calls that are meant, a pattern; `times`: so many of them."""

    path: str = ""
    method: str = ""
    status: int = 500
    code: int = 0
    retry_after: float = 0.0
    hang: float = 0.0  # seconds, after the call was taken: it counts
    reset: bool = False  # the call was taken, and the connection breaks
    bare: bool = False  # says no JSON, as a proxy in front does
    times: int = 1


@dataclass(slots=True, kw_only=True)
class Call:
    """A call that came in, as it was answered."""

    method: str
    path: str
    body: Any
    at: float
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Interaction:
    """What became of one. `original`: the message that its first answer is, or stands under."""

    told: dict[str, Any]
    made: float
    noticed: float = 0.0
    original: dict[str, Any] | None = None


class Rest:
    """Its state and its answers; all of it runs on the fake's own loop."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.calls: list[Call] = []
        self.channels: dict[str, dict[str, Any]] = {}
        self.people: dict[str, str] = {}
        self.history: dict[str, list[dict[str, Any]]] = {}
        self.interactions: dict[str, Interaction] = {}
        self.forbidden: dict[str, int] = {}  # channel -> the code with which it is refused
        self.refusals: list[Refusal] = []
        self.share_429 = 0.0  # of the sends
        self.seconds_429 = 0.05  # that these ask for
        self.early = 0  # calls before the time that a 429 had told
        self.typed: list[str] = []
        self.clock = 0.0  # seconds that its Date is ahead
        self._nonces: dict[tuple[str, str], tuple[float, dict[str, Any]]] = {}
        self._closed: dict[str, float] = {}
        self._random = random.Random(6)

    def begin(self, told: dict[str, Any]) -> None:
        """An interaction that somebody made just now."""
        self.interactions[told["token"]] = Interaction(told, time.time())

    async def serve(self, request: web.Request) -> web.Response:
        """The answer, with exactly the content type that discord.py wants."""
        path = "/" + request.match_info["path"]
        body = await request.read()
        call = Call(
            method=request.method, path=path, body=json.loads(body) if body else None, at=time.monotonic(),
            headers=dict(request.headers),
        )  # fmt: skip
        self.calls.append(call)
        scripted = self._scripted(call)
        if scripted is not None and not scripted.hang and not scripted.reset:
            return self._scripted_answer(call, scripted)
        try:
            answer, call.status = self._answer(call, dict(request.query)), 200
        except Fault as fault:
            answer, call.status = fault.body, fault.status
        if scripted is not None:
            await asyncio.sleep(scripted.hang)
            if scripted.reset and request.transport is not None:
                request.transport.abort()
        return self._response(call.status, answer)

    def _scripted(self, call: Call) -> Refusal | None:
        sending = call.method in ("POST", "PATCH") and "/messages" in call.path
        if self._closed.get(call.path, 0.0) > call.at:
            self.early += 1
        if sending and self._random.random() < self.share_429:
            return Refusal(status=429, retry_after=self.seconds_429)
        for refusal in self.refusals:
            if refusal.times and re.search(refusal.path, call.path) and refusal.method in ("", call.method):
                refusal.times -= 1
                return refusal
        return None

    def _scripted_answer(self, call: Call, refusal: Refusal) -> web.Response:
        call.status = refusal.status
        if refusal.bare:
            return web.Response(status=refusal.status, text="<html>no</html>", content_type="text/html")
        told: dict[str, Any] = {"code": refusal.code, "message": "scripted"}
        if refusal.status == 429:
            self._closed[call.path] = call.at + refusal.retry_after
            told = {"message": "You are being rate limited.", "retry_after": refusal.retry_after, "global": False}
        return self._response(refusal.status, told)

    def _response(self, status: int, told: Any) -> web.Response:
        answer = web.Response(status=status, body=json.dumps(told).encode())
        answer.headers["Content-Type"] = "application/json"
        answer.headers["Via"] = "1.1 google"
        now = time.gmtime(time.time() + self.clock)
        answer.headers["Date"] = time.strftime("%a, %d %b %Y %H:%M:%S GMT", now)
        return answer

    def _answer(self, call: Call, query: dict[str, str]) -> Any:
        for pattern, open_to_all, work in ROUTES:
            found = re.fullmatch(pattern, f"{call.method} {call.path}")
            if found:
                bot = None if open_to_all else self._known(call)
                return work(self, bot, call.body, query, *found.groups())
        raise Fault(404, 0, "404: Not Found")

    def _known(self, call: Call) -> Bot:
        bot = self.gateway.bots.get(call.headers.get("Authorization", "").removeprefix("Bot "))
        if bot is None or bot.revoked:
            raise Fault(401, 0, "401: Unauthorized")
        return bot

    # What it is asked --------------------------------------------------------------------------------------------

    def channel(self, bot: Bot, body: Any, query: Any, channel_id: str) -> Any:
        if channel_id in self.forbidden:
            code = self.forbidden[channel_id]
            raise Fault(404 if code == 10003 else 403, code, "scripted")
        if channel_id not in self.channels:
            raise Fault(404, 10003, "Unknown Channel")
        return self.channels[channel_id]

    def read(self, bot: Bot, body: Any, query: dict[str, str], channel_id: str) -> Any:
        self.channel(bot, body, query, channel_id)
        limit, before = int(query.get("limit", "50")), int(query.get("before", str(1 << 63)))
        found = [m for m in self.history.get(channel_id, []) if int(m["id"]) < before]
        if "after" in query:  # the oldest of them
            return [m for m in found if int(m["id"]) > int(query["after"])][:limit][::-1]
        return found[-limit:][::-1]

    def post(self, bot: Bot, body: Any, query: Any, channel_id: str) -> Any:
        self.channel(bot, body, query, channel_id)
        check(body)
        key = (bot.id, str(body.get("nonce")))
        at, known = self._nonces.get(key, (0.0, {}))
        if body.get("enforce_nonce") and body.get("nonce") and time.time() - at < NONCE_SECONDS:
            return known
        return self._put(channel_id, bot, body, key)

    def patch(self, bot: Bot, body: Any, query: Any, channel_id: str, message_id: str) -> Any:
        self.channel(bot, body, query, channel_id)
        found = next((m for m in self.history.get(channel_id, []) if m["id"] == message_id), None)
        return self._change(found, body)

    def type(self, bot: Bot, body: Any, query: Any, channel_id: str) -> Any:
        self.channel(bot, body, query, channel_id)
        self.typed.append(channel_id)

    def commands(self, bot: Bot, body: Any, query: Any, application: str) -> Any:
        return [{"id": snowflake(), "application_id": bot.id, "version": "1", **entry} for entry in bot.commands]

    def register(self, bot: Bot, body: Any, query: Any, application: str) -> Any:
        bot.commands = body
        return self.commands(bot, body, query, application)

    def notice(self, bot: None, body: Any, query: Any, interaction_id: str, token: str) -> Any:
        found = self.interactions.get(token)
        if found is None or time.time() - found.made > TO_NOTICE:
            raise Fault(404, 10062, "Unknown interaction")
        if found.noticed:
            raise Fault(400, 40060, "Interaction has already been acknowledged.")
        found.noticed = time.time()
        if body["type"] == 5:
            bot_of_it = next(b for b in self.gateway.bots.values() if b.id == found.told["application_id"])
            found.original = self._put(found.told["channel_id"], bot_of_it, {"content": ""}, None)
            found.original["flags"] = THINKING
        else:
            found.original = found.told["message"]
        return None

    def answer(self, bot: None, body: Any, query: Any, application: str, token: str, message_id: str) -> Any:
        found = self._alive(token)
        chat = self.history.get(found.told["channel_id"], [])
        known = next((m for m in chat if m["id"] == message_id), None)
        return self._change(found.original if message_id == "@original" else known, body)

    def original(self, bot: None, body: Any, query: Any, application: str, token: str) -> Any:
        return dict(self._alive(token).original or {})  # as it is now, however late that is told

    def take_away(self, bot: None, body: Any, query: Any, application: str, token: str, message_id: str) -> Any:
        chat = self.history[self._alive(token).told["channel_id"]]
        chat[:] = [message for message in chat if message["id"] != message_id]

    def follow(self, bot: None, body: Any, query: Any, application: str, token: str) -> Any:
        found = self._alive(token)
        check(body)
        if found.original and found.original["flags"] & THINKING:  # as it did before there were edits
            return self._change(found.original, body)
        bot_of_it = next(b for b in self.gateway.bots.values() if b.id == application)
        return self._put(found.told["channel_id"], bot_of_it, body, None)

    # Its rules ---------------------------------------------------------------------------------------------------

    def _alive(self, token: str) -> Interaction:
        found = self.interactions.get(token)
        if found is None or not found.noticed:
            raise Fault(404, 10015, "Unknown Webhook")
        if time.time() - found.made > TO_ANSWER:
            raise Fault(401, 50027, "Invalid Webhook Token")
        return found

    def _put(self, channel_id: str, bot: Bot, body: Any, key: tuple[str, str] | None) -> dict[str, Any]:
        made = objects.message(channel_id, bot.user, body["content"], components=body.get("components", []))
        made["asked"] = body
        self.history.setdefault(channel_id, []).append(made)
        if key is not None:
            self._nonces[key] = (time.time(), made)
        return made

    def _change(self, message: dict[str, Any] | None, body: Any) -> dict[str, Any]:
        if message is None:
            raise Fault(404, 10008, "Unknown Message")
        check(body)
        message["flags"] &= ~THINKING
        message.update({"content": body["content"], "components": body.get("components", []), "asked": body})
        return message


def _limits(rest: Rest, bot: Bot, body: Any, query: Any) -> Any:
    left = {"total": 1_000, "remaining": bot.sessions_left, "reset_after": 7_200_000, "max_concurrency": bot.at_once}
    return {"url": rest.gateway.url, "shards": bot.shards, "session_start_limit": left}


ROUTES: list[tuple[str, bool, Callable[..., Any]]] = [
    (r"GET /users/@me", False, lambda rest, bot, body, query: bot.user),
    (r"GET /users/@me/guilds", False, lambda rest, bot, body, query: [{"id": g["id"]} for g in rest.gateway.guilds]),
    (r"GET (?:/oauth2)?/applications/@me", False, lambda rest, bot, body, query: bot.application),
    (r"GET /applications/(\d+)/commands", False, Rest.commands),
    (r"PUT /applications/(\d+)/commands", False, Rest.register),
    (r"GET /gateway", True, lambda rest, bot, body, query: {"url": rest.gateway.url}),
    (r"GET /gateway/bot", False, _limits),
    (r"GET /channels/(\d+)", False, Rest.channel),
    (r"GET /channels/(\d+)/messages", False, Rest.read),
    (r"POST /channels/(\d+)/messages", False, Rest.post),
    (r"PATCH /channels/(\d+)/messages/(\d+)", False, Rest.patch),
    (r"POST /channels/(\d+)/typing", False, Rest.type),
    (r"POST /interactions/(\d+)/([^/]+)/callback", True, Rest.notice),
    (r"PATCH /webhooks/(\d+)/([^/]+)/messages/([^/]+)", True, Rest.answer),
    (r"GET /webhooks/(\d+)/([^/]+)/messages/@original", True, Rest.original),
    (r"DELETE /webhooks/(\d+)/([^/]+)/messages/(\d+)", True, Rest.take_away),
    (r"POST /webhooks/(\d+)/([^/]+)", True, Rest.follow),
]  # fmt: skip
