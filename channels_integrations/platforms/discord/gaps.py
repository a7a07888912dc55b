"""What a channel missed in its chats, asked for until it is had. Of several shards, each asks for its own chats."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from channels_integrations.base import ChannelError, Place
from channels_integrations.platforms.discord import history
from channels_integrations.platforms.discord.rest import Rest
from channels_integrations.platforms.discord.snowflakes import shard_of

log = structlog.get_logger(__name__)

AT_ONCE = 8  # chats that are read at a time
PAUSE, LONGEST_PAUSE = 5.0, 300.0  # seconds before what could not be read is asked for again; doubled each time
MOST_SERVERS = 100_000  # of chats that are remembered

_unread: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)  # (bot, channel) -> chat -> id of the last one known
_servers: dict[str, str] = {}  # chat -> its server, which never changes; "" of a direct message


class Gaps:
    """One shard's. `server`: the server that a chat is in, if that is known; `take`: takes a message and its server.

    What could not be read is remembered beyond this object: later messages are stored meanwhile, so that nobody else
    knows where the gap began.
    """

    def __init__(
        self, rest: Rest, place: Place, *, server: Callable[[str], str],
        take: Callable[[dict[str, Any], str], Awaitable[None]],
    ) -> None:  # fmt: skip
        self._rest, self._place, self._server, self._take = rest, place, server, take
        self._unread = _unread[rest.bot, place.channel_id]

    async def read(self, known: Mapping[str, str]) -> None:
        """What was said in these chats after these messages, and in others what could not be read before."""
        unread = dict(self._unread)
        self._unread.clear()
        left = {chat: last for chat, last in {**known, **unread}.items() if chat.isdecimal() and last.isdecimal()}
        free = asyncio.Semaphore(AT_ONCE)
        try:
            async with asyncio.TaskGroup() as group:
                for chat_id in list(left):
                    group.create_task(self._read_chat(chat_id, left, unread, free))
        finally:  # also when it is ended before its time
            for chat_id, last in left.items():
                self._unread[chat_id] = min(last, self._unread.get(chat_id, last), key=int)

    async def read_again(self) -> None:
        """What could not be read, for ever: each time later, while there is something that still cannot be."""
        pause = PAUSE
        while True:
            await asyncio.sleep(pause)
            tried = set(self._unread)
            if tried:
                await self.read({})
            pause = min(pause * 2, LONGEST_PAUSE) if tried & self._unread.keys() else PAUSE

    async def _read_chat(
        self, chat_id: str, left: dict[str, str], unread: Mapping[str, str], free: asyncio.Semaphore
    ) -> None:
        """Takes the chat out of what is left, unless it is to be asked for again, perhaps by another shard."""
        async with free:
            try:
                server = await self._server_of(chat_id)
                if shard_of(server, self._place.shards) != self._place.shard:
                    if chat_id not in unread:
                        del left[chat_id]
                    return
                for told in await history.after(self._rest, chat_id, left[chat_id]):
                    await self._take(told, server)
            except ChannelError as error:
                log.warning(
                    "discord_gap_not_read", channel=self._place.channel_id, chat=chat_id, reason=str(error),
                    again=not error.permanent,
                )  # fmt: skip
                if not error.permanent:
                    return
            del left[chat_id]

    async def _server_of(self, chat_id: str) -> str:
        known = self._server(chat_id)
        if not known and chat_id not in _servers:
            if len(_servers) >= MOST_SERVERS:
                _servers.clear()
            _servers[chat_id] = await history.guild_of(self._rest, chat_id)
        return known or _servers[chat_id]
