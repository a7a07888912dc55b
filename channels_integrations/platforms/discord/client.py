"""discord.py's connection, told to keep nothing in memory; every frame that matters to us is handed on as it came."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket, KeepAliveHandler
from discord.http import Route
from django.conf import settings

from channels_integrations.base import ChannelError, Sharded
from channels_integrations.platforms.discord import sessions
from channels_integrations.platforms.discord.application import no_text
from channels_integrations.platforms.discord.refusals import REFUSED
from channels_integrations.platforms.discord.rest import Rest, proxy

HEARD = ("READY", "RESUMED", "MESSAGE_CREATE", "INTERACTION_CREATE")
READ_BY_US = ("MESSAGE_CREATE", "MESSAGE_UPDATE", "INTERACTION_CREATE")
SERVERS_PAUSE = 0.5  # seconds without word of another server, after which all are known
INVALID_PAUSE = (1.0, 5.0)  # seconds before another session than the one that was refused is begun, by chance
MOST_IDENTIFIES = 40  # an hour, of one shard: at 1,000 a day Discord resets the token
HOUR = 3_600.0
BACK_OFF = 30.0
CLOSE_SECONDS = 5.0

_begun: dict[tuple[str, str, int], deque[float]] = defaultdict(deque)  # (gateway, bot, shard) -> when it began


class Client(discord.Client):
    """One of a bot's connections, often its only one. `heard` gets what Discord dispatched, in order, at once."""

    def __init__(self, rest: Rest, heard: Callable[[str, dict[str, Any]], None], *, shard: int, shards: int) -> None:
        super().__init__(
            shard_id=shard,
            shard_count=shards,
            intents=discord.Intents(guilds=True, guild_messages=True, dm_messages=True, message_content=True),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=SERVERS_PAUSE,
            enable_debug_events=True,
            proxy=proxy(),
        )
        self._rest, self._bot, self._heard = rest, rest.bot, heard
        self._shard, self._shards = shard, shards
        self._turns = sessions.turns(rest.bot, shard, 1)
        self.guilds_known = asyncio.Event()  # after each READY anew
        for name in READ_BY_US:  # an odd one would end the connection
            self._connection.parsers.pop(name, None)

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Nothing any more once it is closed: discord.py's own last tasks would still try."""
        if not self.is_closed():
            super().dispatch(event, *args, **kwargs)

    async def on_socket_raw_receive(self, frame: str) -> None:
        """The frame, before discord.py reads it: tasks begin in the order in which they are made."""
        if not any(f'"{name}"' in frame for name in HEARD):
            return
        told = json.loads(frame)
        if told.get("op") != 0 or told.get("t") not in HEARD:
            return
        if told["t"] == "READY":
            self.guilds_known.clear()
        self._heard(told["t"], told["d"])

    async def on_ready(self) -> None:
        """The servers that were announced are known."""
        self.guilds_known.set()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Not too often, whatever happens. For the first one `stay` has waited."""
        begun, now = _begun[str(DiscordWebSocket.DEFAULT_GATEWAY), self._bot, self._shard], time.monotonic()
        while begun and begun[0] < now - HOUR:
            begun.popleft()
        if len(begun) >= MOST_IDENTIFIES:
            wait = begun[0] + HOUR - now
            raise ChannelError("Discord ended our session too often this hour", permanent=False, retry_after=wait)
        begun.append(now)
        if initial:
            self._turns.taken()
        else:
            await asyncio.sleep(random.uniform(*INVALID_PAUSE))  # noqa: S311  no secret
            await self._await_turn()

    async def _await_turn(self) -> None:
        """Until a session may be begun. Raises Sharded when Discord wants more of them than this is one of.

        Asked each time: many may have been begun before this process was, and servers come and go.
        """
        limits = await sessions.spare(self._rest)
        if limits is not None:
            if not limits.fit(self._shards):
                raise Sharded(limits.shards)
            self._turns = sessions.turns(self._bot, self._shard, limits.at_once)
        await self._turns.wait()

    async def stay(self, token: str, began: Callable[[], Any]) -> None:
        """Connected until cancelled; `began` is awaited once we know who we are. Raises ChannelError."""
        try:
            await self.login(token)
            await began()
            await self._await_turn()
            await self.connect()
        except discord.LoginFailure:
            raise ChannelError("Discord refused the token", permanent=False, fault=REFUSED) from None
        except (discord.PrivilegedIntentsRequired, discord.ConnectionClosed) as error:
            raise self._closed(error) from None
        except (discord.HTTPException, discord.GatewayNotFound) as error:
            raise ChannelError(f"Discord: {error}", permanent=False, retry_after=BACK_OFF) from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ChannelError(f"Discord cannot be reached ({type(error).__name__})", permanent=False) from None
        raise ChannelError("the connection to Discord ended", permanent=False)

    async def end(self) -> None:
        """Closes for good: Discord forgets the session, which no other process could go on with."""
        beating = self._heartbeats()
        try:
            await at_most(CLOSE_SECONDS, self._say_goodbye(beating))
        finally:
            await self.http.close()
            for beats in beating:
                beats.stop()
        for beats in beating:
            await asyncio.to_thread(beats.join, CLOSE_SECONDS)

    async def _say_goodbye(self, beating: list[KeepAliveHandler]) -> None:
        for beats in beating:
            await beats.ws.close(code=1000)
        await self.close()

    def _heartbeats(self) -> list[KeepAliveHandler]:
        """Threads that still beat for us: of a connection that was just being made, discord.py forgets its own."""
        beating = [thread for thread in threading.enumerate() if isinstance(thread, KeepAliveHandler)]
        return [thread for thread in beating if getattr(thread.ws, "_connection", None) is self._connection]

    def _closed(self, error: discord.PrivilegedIntentsRequired | discord.ConnectionClosed) -> ChannelError:
        code = error.code if isinstance(error, discord.ConnectionClosed) else 4014
        fault = {
            4004: REFUSED,
            4013: no_text(str(self.application_id or self._bot)),
            4014: no_text(str(self.application_id or self._bot)),
        }.get(code, "")
        return ChannelError(f"Discord closed the connection ({code})", permanent=False, fault=fault)


async def at_most(seconds: float, work: Coroutine[Any, Any, None]) -> None:
    """Done, or left when the time is over, in a task that may be cancelled already.

    There, `asyncio.timeout` of Python 3.11's first releases ends the task instead of itself.
    """
    task = asyncio.create_task(work)
    await asyncio.wait({task}, timeout=seconds)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class Over(Exception):
    """The loop that a heartbeat was for has ended."""


class Heartbeat(KeepAliveHandler):
    """discord.py's thread, which may wake just after its loop has ended: then there is nothing to beat for."""

    def run(self) -> None:
        with suppress(Over):
            super().run()

    def get_payload(self) -> dict[str, Any]:
        if self.ws.loop.is_closed():
            raise Over
        return super().get_payload()


def made(rest: Rest, heard: Callable[[str, dict[str, Any]], None], *, shard: int, shards: int) -> Client:
    """A client that asks the addresses of the settings."""
    Route.BASE = settings.DISCORD_API_BASE_URL
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(settings.DISCORD_GATEWAY_URL)
    discord.gateway.KeepAliveHandler = Heartbeat  # type: ignore[misc]
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    return Client(rest, heard, shard=shard, shards=shards)
