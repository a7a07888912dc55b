"""Discord's gateway: sessions that outlive their sockets, for a while."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.fakes import discord_objects as objects
from tests.fakes.discord_objects import Bot

MESSAGE_CONTENT = 1 << 15
DISPATCH, BEAT, IDENTIFY, RESUME, RECONNECT, INVALID, HELLO, ACK = 0, 1, 2, 6, 7, 9, 10, 11
REFUSED, SILENT, INVALID_SHARD, TOO_FEW_SHARDS, NOT_ALLOWED = 4004, 4009, 4010, 4011, 4014


@dataclass(slots=True)
class Session:
    """What was told to one bot since it identified, and the socket on which it listens now."""

    bot: Bot
    intents: int
    socket: web.WebSocketResponse | None
    shard: tuple[int, int] = (0, 1)  # which of how many
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    frames: list[str] = field(default_factory=list)
    valid: bool = True

    def hears(self, guild_id: str | None) -> bool:
        """Whether it is told of this server; without one, of direct messages."""
        return objects.shard_of(guild_id, self.shard[1]) == self.shard[0]

    async def tell(self, event: str, data: Any) -> None:
        """Dispatches an event, or keeps it for a resume."""
        number = len(self.frames) + 1
        self.frames.append(json.dumps({"op": DISPATCH, "t": event, "s": number, "d": data}))
        await self.send(self.frames[-1])

    async def send(self, frame: str) -> None:
        """On the socket, if there is one."""
        if self.socket is not None and not self.socket.closed:
            with contextlib.suppress(ConnectionError):
                await self.socket.send_str(frame)


class Gateway:
    """The part of the fake that speaks over websockets. All of it runs on the fake's own loop."""

    def __init__(self) -> None:
        self.beat_seconds = 40.0
        self.deaf = False  # takes heartbeats and says nothing
        self.refuse_sessions = 0  # so many identifies are answered with "invalid session"
        self.identify_seconds = 0.0  # in which one session of a bucket may be begun; Discord's are 5
        self.too_early = 0  # identifies within them
        self.sessions: list[Session] = []
        self.identified: list[float] = []
        self.resumed: list[float] = []
        self.beats = 0
        self.closed_with: list[int | None] = []  # the codes that clients closed with
        self.guilds: list[dict[str, Any]] = []
        self.bots: dict[str, Bot] = {}
        self.url = ""
        self._begun: dict[tuple[str, int], float] = {}  # (bot, bucket) -> when a session was

    async def tell(self, event: str, data: Any, *, bot: Bot | None = None) -> None:
        """To every session that hears of it, or those of one bot; also to those that could be resumed."""
        guild_id = data.get("id" if event.startswith("GUILD_") else "guild_id")
        for session in self.sessions:
            if session.valid and bot in (None, session.bot) and session.hears(guild_id):
                await session.tell(event, data)

    async def drop(self) -> None:
        """Every connection breaks; the sessions live on."""
        for session in self.sessions:
            request = session.socket._req if session.socket is not None else None
            if request is not None and request.transport is not None:
                request.transport.abort()
            session.socket = None

    async def invalidate(self) -> None:
        """Every session ends, and its client is told."""
        for session in self.sessions:
            session.valid = False
            await session.send(json.dumps({"op": INVALID, "d": False}))

    async def reconnect(self) -> None:
        """Asks every client to connect anew, as Discord does before it restarts a server."""
        for session in self.sessions:
            await session.send(json.dumps({"op": RECONNECT, "d": None}))

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """One connection."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": HELLO, "d": {"heartbeat_interval": int(self.beat_seconds * 1_000)}})
        heard = asyncio.Event()
        watch = asyncio.create_task(self._watch(socket, heard))
        try:
            async for frame in socket:
                if frame.type is WSMsgType.TEXT:
                    heard.set()
                    await self._hear(socket, json.loads(frame.data))
        finally:
            watch.cancel()
            self.closed_with.append(socket.close_code)
        return socket

    async def _watch(self, socket: web.WebSocketResponse, heard: asyncio.Event) -> None:
        """Closes on a client that says nothing for two beats."""
        for _beat in itertools.count():
            await asyncio.sleep(self.beat_seconds * 2)
            if not heard.is_set():
                await socket.close(code=SILENT)
            heard.clear()

    async def _hear(self, socket: web.WebSocketResponse, told: dict[str, Any]) -> None:
        match told["op"]:
            case 1:
                self.beats += 1
                if not self.deaf:
                    await socket.send_json({"op": ACK})
            case 2:
                await self._identify(socket, told["d"])
            case 6:
                await self._resume(socket, told["d"])

    async def _identify(self, socket: web.WebSocketResponse, told: dict[str, Any]) -> None:
        self.identified.append(time.monotonic())
        bot = self.bots.get(told["token"])
        shard, shards = told.get("shard", (0, 1))
        if bot is None or bot.revoked:
            await socket.close(code=REFUSED)
        elif not 0 <= shard < shards:
            await socket.close(code=INVALID_SHARD)
        elif shards < bot.shards:
            await socket.close(code=TOO_FEW_SHARDS)
        elif told["intents"] & MESSAGE_CONTENT and not bot.flags & objects.READS_MESSAGES:
            await socket.close(code=NOT_ALLOWED)
        elif self._refuses(bot, shard):
            await socket.send_json({"op": INVALID, "d": False})
        else:
            await self._begin(Session(bot, told["intents"], socket, (shard, shards)))

    def _refuses(self, bot: Bot, shard: int) -> bool:
        """As told to, or since another session of the bucket was begun just now."""
        bucket, now = (bot.id, shard % bot.at_once), time.monotonic()
        if self.refuse_sessions:
            self.refuse_sessions -= 1
        elif now - self._begun.get(bucket, float("-inf")) < self.identify_seconds:
            self.too_early += 1
        else:
            self._begun[bucket] = now
            return False
        return True

    async def _begin(self, session: Session) -> None:
        self.sessions.append(session)
        guilds = [guild for guild in self.guilds if session.hears(guild["id"])]
        await session.tell("READY", {
            "v": 10, "user": session.bot.user, "session_id": session.id, "resume_gateway_url": self.url,
            "shard": session.shard,
            "guilds": [{"id": guild["id"], "unavailable": True} for guild in guilds],
            "application": {"id": session.bot.id, "flags": session.bot.flags},
        })  # fmt: skip
        for guild in guilds:
            await session.tell("GUILD_CREATE", guild)

    async def _resume(self, socket: web.WebSocketResponse, told: dict[str, Any]) -> None:
        session = next((s for s in self.sessions if s.id == told["session_id"] and s.valid), None)
        if session is None or session.bot.token != told["token"] or session.bot.revoked:
            await socket.send_json({"op": INVALID, "d": False})
            return
        self.resumed.append(time.monotonic())
        session.socket = socket
        for frame in session.frames[told["seq"] or 0 :]:
            await session.send(frame)
        await session.tell("RESUMED", {})
