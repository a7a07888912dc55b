"""What a channel hears: stored one after the other, with what was missed read before what comes.

Interactions have a lane of their own: Discord wants to be told within three seconds that one was noticed, which must
not wait for a gap that is being read.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import Any, TypeAlias, TypeVar

import structlog
from django.db import DatabaseError, InterfaceError

from channels_integrations.base import Account, ChannelError, Handle, IncomingMessage, Place
from channels_integrations.platforms.discord import bodies, commands
from channels_integrations.platforms.discord.application import account_of
from channels_integrations.platforms.discord.bodies import Us
from channels_integrations.platforms.discord.client import Client, at_most, made
from channels_integrations.platforms.discord.gaps import Gaps
from channels_integrations.platforms.discord.messages import Interaction, settle
from channels_integrations.platforms.discord.refusals import ACKNOWLEDGED
from channels_integrations.platforms.discord.rest import Rest

log = structlog.get_logger(__name__)

Given = TypeVar("Given")
Told: TypeAlias = dict[str, Any]
Known: TypeAlias = asyncio.Task[Mapping[str, str]]  # chat -> the last message that came from it
Parse: TypeAlias = Callable[[bytes], list[Any]]
FIRST_WAIT, LONGEST_WAIT = 0.1, 5.0  # seconds before something is stored again
GUILDS_SECONDS = 10.0  # until the servers are known after a connection began
NOTICED_LATER, NOTICED = 5, 6  # callback types: "… is thinking", and nothing to see
THINKS_SECONDS = 60.0  # after which "… is thinking" ends where no answer has begun
LAST_SECONDS = 2.0  # to store what was heard when it ends
MOST_WAITING = 10_000  # messages in memory while the database is away; the others are read from history later


class Hearing:
    """One channel's ears, or those of one of its shards."""

    def __init__(
        self, rest: Rest, place: Place, handle: Handle, *, ready: Callable[[Account], None], parse: Parse
    ) -> None:
        self._rest, self._place, self._handle, self._ready, self._parse = rest, place, handle, ready, parse
        self._client: Client = made(rest, self._heard, shard=place.shard, shards=place.shards)
        self._gaps = Gaps(rest, place, server=self._guild_of, take=self._take_missed)
        self._messages: asyncio.Queue[Told | Known] = asyncio.Queue()  # Known: read the gap first
        self._interactions: asyncio.Queue[Told] = asyncio.Queue()
        self._known: Known | None = None
        self._missed: dict[str, str] = {}  # chat -> id after which there was no room
        self._notices: set[asyncio.Task[None]] = set()
        self._settling: set[asyncio.Task[None]] = set()

    async def listen(self, token: str) -> None:
        """Until cancelled. Raises ChannelError."""
        lanes = (self._hear_messages(), self._hear_interactions(), self._gaps.read_again())
        tasks = [asyncio.create_task(each) for each in (self._client.stay(token, self._began), *lanes)]
        try:
            done, _pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await self._end(tasks)

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        """What was heard is still stored and noticed, if that takes no time, then the connection ends."""
        tasks[0].cancel()
        try:
            await at_most(LAST_SECONDS, self._finish(tasks[1:]))
            left = [*tasks, *self._notices, *self._settling, *([self._known] if self._known else [])]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        finally:
            await self._client.end()

    async def _finish(self, lanes: list[asyncio.Task[None]]) -> None:
        if not any(task.done() for task in lanes):
            await asyncio.gather(self._messages.join(), self._interactions.join())
        await asyncio.gather(*self._notices, return_exceptions=True)

    def _heard(self, event: str, told: Told) -> None:
        """Nothing is waited for here."""
        match event:
            case "READY":  # what is known is asked before an interaction is stored, which would be the last known
                self._known = asyncio.create_task(_until_stored(self._place.recent))
                self._messages.put_nowait(self._known)
                self._ready(account_of(told["user"]))
            case "RESUMED":
                self._ready(self._account())
            case "MESSAGE_CREATE":
                self._queue(told)
            case _:
                self._interactions.put_nowait(told)

    def _queue(self, told: Told) -> None:
        """To be taken in its turn, or later from its chat's history."""
        chat_id, message_id = str(told.get("channel_id")), str(told.get("id"))
        if self._messages.qsize() < MOST_WAITING and chat_id not in self._missed:
            self._messages.put_nowait(told)
        elif message_id.isdecimal():
            self._missed.setdefault(chat_id, str(int(message_id) - 1))

    def _account(self) -> Account:
        user = self._client.user
        return account_of({"username": user.name, "discriminator": user.discriminator} if user else {})

    async def _began(self) -> None:
        """Our commands are in Discord's menu, or the log says why not: people can still write.

        One shard sees to that, for all servers.
        """
        if self._place.shard:
            return
        try:
            await commands.register(self._rest, str(self._client.application_id), self._place.commands)
        except ChannelError as error:
            if error.fault:
                raise
            log.warning("discord_commands_not_registered", channel=self._place.channel_id, reason=str(error))

    async def _hear_messages(self) -> None:
        while True:
            told = await self._messages.get()
            if isinstance(told, asyncio.Task):
                await self._servers()
                await self._gaps.read(await told)
            else:
                await self._take(self._message(told, guild_id=str(told.get("guild_id") or "")))
            if self._missed and self._messages.empty():
                missed, self._missed = self._missed, {}
                await self._gaps.read(missed)
            self._messages.task_done()

    async def _hear_interactions(self) -> None:
        while True:
            told = await self._interactions.get()
            if self._known:
                await asyncio.wait([self._known])
            body = _read(bodies.of_interaction, told)
            if body is not None:
                await self._take(body)
                _keep(self._notices, self._notice(told))
            self._interactions.task_done()

    async def _take(self, body: bytes | None) -> None:
        """Handed over if anybody is to act on it: what people say to each other is not kept."""
        if body is not None and self._concerns_us(body):
            await _until_stored(lambda: self._handle(body))

    def _concerns_us(self, body: bytes) -> bool:
        try:
            return any(map(_for_us, self._parse(body)))
        except ValueError:  # kept, for staff to look at
            return True

    async def _notice(self, told: Told) -> None:
        """Tells Discord that the interaction was noticed."""
        kind = NOTICED_LATER if told["type"] == bodies.INVOKED else NOTICED
        path = f"/interactions/{told['id']}/{told['token']}/callback"
        if kind == NOTICED_LATER:
            called = Interaction(str(told["application_id"]), told["token"], time.time())
            _keep(self._settling, self._settle(called))
        for last in (False, True):
            try:
                await self._rest.ask("POST", path, body={"type": kind})
                return
            except ChannelError as error:
                if f"({ACKNOWLEDGED})" in str(error):
                    return
                if last or error.permanent:
                    log.warning("discord_interaction_not_noticed", channel=self._place.channel_id, reason=str(error))
                    return

    async def _settle(self, called: Interaction) -> None:
        """Nobody is told for long that we think: perhaps a person of the team answers, or nobody does."""
        await asyncio.sleep(THINKS_SECONDS)
        try:
            await settle(self._rest, called)
        except ChannelError as error:
            log.info("discord_interaction_not_settled", channel=self._place.channel_id, reason=str(error))

    async def _servers(self) -> None:
        """Waits until they are known: which chat is in which, and our role there."""
        try:
            async with asyncio.timeout(GUILDS_SECONDS):
                await self._client.guilds_known.wait()
        except TimeoutError:
            log.warning("discord_servers_slow", channel=self._place.channel_id)

    async def _take_missed(self, told: Told, guild_id: str) -> None:
        await self._take(self._message(told, guild_id=guild_id))

    def _message(self, told: Told, *, guild_id: str) -> bytes | None:
        guild = self._client.get_guild(int(guild_id)) if guild_id.isdecimal() else None
        role = guild.self_role if guild else None
        us = Us(id=self._rest.bot, role=str(role.id) if role else "")
        return _read(partial(bodies.of_message, guild_id=guild_id, us=us), told)

    def _guild_of(self, chat_id: str) -> str:
        channel: Any = self._client.get_channel(int(chat_id))
        guild = getattr(channel, "guild", None)
        return str(guild.id) if guild else ""


def _read(work: Callable[[Told], bytes | None], told: Told) -> bytes | None:
    """The body; for what is not as Discord says it is, just that: it is kept, and nobody answers it."""
    try:
        return work(told)
    except (KeyError, TypeError, ValueError, AttributeError):
        return json.dumps(told, sort_keys=True).encode()


def _keep(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
    """Done beside the others, and held until it is."""
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)


def _for_us(event: Any) -> bool:
    return not isinstance(event, IncomingMessage) or not event.is_group or event.addressed


async def _until_stored(work: Callable[[], Awaitable[Given]]) -> Given:
    """What it gives, asked again while the database is away: Discord tells nothing twice."""
    wait = FIRST_WAIT
    while True:
        try:
            return await work()
        except (DatabaseError, InterfaceError) as error:
            log.warning("discord_event_waits", reason=type(error).__name__)
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)
