"""Discord's REST API, asked once a call: what is refused, and how, becomes a ChannelError; waiting is the caller's.

Not discord.py's own client: that waits and repeats inside, up to minutes, and hides whether a call may have been taken.
https://docs.discord.com/developers/topics/opcodes-and-status-codes#json
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from django.conf import settings

from channels_integrations.base import ChannelError
from channels_integrations.platforms.discord import refusals
from channels_integrations.platforms.discord.config import bot_id

SECONDS = 15.0  # for a whole call
CONNECT_SECONDS = 5.0
LAST_ROUND = 0.01  # seconds
MOST_CLOSED = 1_000  # routes to remember before those are forgotten whose time has come

_sessions: dict[asyncio.AbstractEventLoop, tuple[aiohttp.ClientSession, AsyncGenerator[aiohttp.ClientSession]]] = {}
_closed: dict[tuple[str, str], float] = {}  # (bot, route) that asked for patience -> until when, of time.monotonic


@dataclass(frozen=True, slots=True)
class Answer:
    """What Discord said. Header names are lower case."""

    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


class Rest:
    """One bot's way to Discord. Cheap to make: connections belong to the event loop, not to it."""

    def __init__(self, token: str) -> None:
        self._token = token
        self.bot = bot_id(token)

    async def get(self, path: str, **query: str) -> Any:
        """The answer's JSON. Raises ChannelError, as all calls here do."""
        return (await self.ask("GET", path, query=query)).body

    async def ask(self, method: str, path: str, *, body: Any = None, query: Mapping[str, str] | None = None) -> Answer:
        """The answer to one call. A route that asked for patience is not asked before its time."""
        route = refusals.route(method, path)
        self._patient(route)
        try:
            session = await _session()
            async with session.request(
                method, settings.DISCORD_API_BASE_URL + path, params=query, headers=self._headers(path),
                data=None if body is None else json.dumps(body), allow_redirects=False, proxy=proxy(),
            ) as answer:  # fmt: skip
                told = {name.lower(): value for name, value in answer.headers.items()}
                found = _json(await answer.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise ChannelError(f"Discord cannot be reached ({error.__class__.__name__})", permanent=False) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            name = type(error).__name__
            raise ChannelError(f"the connection to Discord broke ({name})", permanent=False, ambiguous=True) from None
        if 200 <= answer.status < 300:
            return Answer(found, told)
        raise self._refused(refusals.Refusal(status=answer.status, path=path, body=found, headers=told), route)

    def _headers(self, path: str) -> dict[str, str]:
        """An interaction's own addresses carry its token, and need no other."""
        told = {"User-Agent": f"DiscordBot ({settings.PUBLIC_URL or 'https://localhost'}, 1.0)"}
        if not refusals.of_interaction(path):
            told["Authorization"] = f"Bot {self._token}"
        return {**told, "Content-Type": "application/json"}

    def _refused(self, refusal: refusals.Refusal, route: str) -> ChannelError:
        if refusal.status == 429:
            name, now = "*" if refusal.everywhere else route, time.monotonic()
            if len(_closed) > MOST_CLOSED:
                for past in [closed for closed, until in _closed.items() if until <= now]:
                    del _closed[past]
            _closed[self.bot, name] = now + refusal.wait
        return refusal.error()

    def _patient(self, route: str) -> None:
        until = max(_closed.get((self.bot, route), 0.0), _closed.get((self.bot, "*"), 0.0))
        if (wait := until - time.monotonic()) > 0:
            raise ChannelError("Discord asked for patience", permanent=False, retry_after=wait)


async def _session() -> aiohttp.ClientSession:
    """The running loop's connections. Its end closes them: a loop ends the generators that began in it."""
    loop = asyncio.get_running_loop()
    if loop not in _sessions:
        kept = _connections(loop)
        _sessions[loop] = (await anext(kept), kept)
    return _sessions[loop][0]


async def _connections(loop: asyncio.AbstractEventLoop) -> AsyncGenerator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=SECONDS, sock_connect=CONNECT_SECONDS)
    session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
    try:
        yield session
    finally:
        _sessions.pop(loop, None)
        await session.close()
        await asyncio.sleep(LAST_ROUND)  # sockets are closed a round of the loop later, and this one's are numbered


def proxy() -> str | None:
    """The machine's proxy, where it has one for Discord."""
    parts = urlsplit(settings.DISCORD_API_BASE_URL)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except (ValueError, RecursionError):
        return None
