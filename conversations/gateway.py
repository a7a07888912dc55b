"""The listeners of this process: one a channel, or one for each of its shards that is ours, begun, changed and ended
as staff change them in the admin.

One that fails is tried again, longer each time, and never holds up the others. What is heard is stored as it came, and
then read as a webhook's is.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.db import Error

from bots.threads import in_reserve, in_thread
from channels_integrations.base import Account, ChannelError, GatewayAdapter, Place, Sharded
from channels_integrations.models import Gateway as Row
from channels_integrations.models import Listener
from channels_integrations.places import place_of
from channels_integrations.setup import Misconfigured, adapter_now
from conversations import events, listeners, metrics, reach
from conversations.listeners import Key, Wanted
from conversations.runner import runner
from conversations.supervised import every

log = structlog.get_logger(__name__)

PATIENCE = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)  # seconds before a listener is tried again
STARTING_AT_ONCE = 20
SLOW = 10.0  # seconds that one which starts may hold up others


@dataclass(slots=True)
class Heard:
    """What is listened to here."""

    wanted: Wanted
    task: asyncio.Task[None]


class Gateway:
    """Listens to all of these kinds that no other process listens to. `start` and `stop` bracket its life."""

    def __init__(self, kinds: Sequence[str]) -> None:
        self.kinds = list(kinds)
        self._row: Row | None = None
        self._heard: dict[Key, Heard] = {}
        self._states: dict[Key, Listener.State] = {}
        self._known: dict[Key, Listener.State] = {}
        self._accounts: dict[uuid.UUID, str] = {}  # that are to be told
        self._beat_at = 0.0
        self._starting = asyncio.Semaphore(STARTING_AT_ONCE)
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen; returns at once."""
        self._loop = asyncio.create_task(every(settings.GATEWAY_SECONDS, self._look))

    async def stop(self) -> None:
        """Listen to nothing more, and let other processes do so at once."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        await self._end(list(self._heard))
        if self._row is not None:
            try:
                await in_thread(listeners.leave, self._row)
            except Error as error:
                log.warning("gateway_not_signed_off", error=type(error).__name__)

    async def _look(self) -> None:
        """Beat, and listen to what is ours now. Without the database for too long, others listen: we do not."""
        try:
            if self._row is None:
                self._row = await in_thread(listeners.register, self.kinds)
            wanted = {each.key: each for each in await in_thread(listeners.mine, self._row)}
            await self._tell(self._row)
        except Error:
            if self._heard and time.monotonic() - self._beat_at > listeners.lost_seconds() * 0.8:
                await self._end(list(self._heard))
            raise
        self._beat_at = time.monotonic()
        changed = [key for key, heard in self._heard.items() if wanted.get(key) != heard.wanted]
        await self._end(changed)
        if gone := [key for key in changed if key not in wanted]:
            await in_thread(listeners.let_go, self._row, gone)
        for key, each in wanted.items():
            if key not in self._heard:
                self._heard[key] = Heard(each, asyncio.create_task(self._keep_listening(each)))

    async def _tell(self, row: Row) -> None:
        new = {key: state for key, state in self._states.items() if self._known.get(key) != state}
        accounts = dict(self._accounts)
        if new or accounts:
            await in_thread(listeners.note, row, new, accounts)
            self._known |= new
            for key in accounts:
                self._accounts.pop(key, None)
        _count(self._states, {key: heard.wanted.kind for key, heard in self._heard.items()})

    async def _end(self, keys: list[Key]) -> None:
        ended = [self._heard.pop(key).task for key in keys]
        for key in keys:
            self._states.pop(key, None)
            self._known.pop(key, None)
        for task in ended:
            task.cancel()
        await asyncio.gather(*ended, return_exceptions=True)

    async def _keep_listening(self, channel: Wanted) -> None:
        """Listens until cancelled, whatever happens."""
        tries = 0
        while True:
            began = time.monotonic()
            self._states[channel.key] = Listener.State.STARTING
            with structlog.contextvars.bound_contextvars(
                channel=str(channel.channel_id), shard=channel.shard, platform=channel.kind
            ):
                asked = await self._listen_once(channel)
            tries = 0 if time.monotonic() - began > PATIENCE[-1] else min(tries + 1, len(PATIENCE) - 1)
            self._states[channel.key] = Listener.State.WAITING
            await asyncio.sleep(max(PATIENCE[tries] * settings.GATEWAY_SECONDS / 5, asked))

    async def _listen_once(self, channel: Wanted) -> float:
        """Listens until it fails; seconds for which we are asked to wait."""
        fault, wait = "", 0.0
        try:
            await self._listen(channel)
        except Misconfigured as error:
            fault = f"It is not set up: {error}"
        except Sharded as error:
            wait = 2 * settings.GATEWAY_SECONDS  # the next look ends this listener, and begins the others
            await _stored(listeners.split, channel.channel_id, error.shards)
        except ChannelError as error:
            fault, wait = error.fault, error.retry_after or 0.0
            log.warning("listener_failed", reason=str(error)[:300])
        except Error as error:
            log.warning("listener_database_away", error=type(error).__name__)
        except Exception:  # the supervisor of a listener: a platform's driver costs its own channel, not the others
            log.exception("listener_broke")
        if fault:
            await _stored(reach.fault, channel.channel_id, fault)
        return max(wait, PATIENCE[-1] * settings.GATEWAY_SECONDS / 5) if fault else wait

    async def _listen(self, channel: Wanted) -> None:
        async with self._starting:
            adapter, place = await in_thread(_prepared, channel)
            handle = functools.partial(self._handle, channel)
            heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()

            def ready(account: Account) -> None:
                if not heard.done():
                    heard.set_result(None)
                self._states[channel.key] = Listener.State.LISTENING
                self._accounts[channel.channel_id] = account.name

            listening = asyncio.create_task(adapter.listen(place, handle, ready))
            try:
                await asyncio.wait({listening, heard}, timeout=SLOW, return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError:
                await _ended(listening)
                raise
        try:
            await listening
        finally:
            await _ended(listening)

    async def _handle(self, channel: Wanted, body: bytes) -> None:
        """Stored before the platform hears that it was taken, then read; by who knows as whom we are there."""
        name = self._accounts.get(channel.channel_id)
        if name is not None:
            await in_thread(listeners.connected, channel.channel_id, name)
            self._accounts.pop(channel.channel_id, None)
        stored = await in_reserve(events.store, channel.channel_id, body)
        metrics.WEBHOOKS.labels(channel.kind, "stored" if stored else "repeated").inc()
        if stored:
            runner.ring_channel(channel.channel_id)


async def _stored(work: Callable[..., None], *given: Any) -> None:
    """Done, if the database is there: else it comes up again, as what it tells of does."""
    try:
        await in_thread(work, *given)
    except Error as error:
        log.warning("listener_database_away", error=type(error).__name__)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _prepared(channel: Wanted) -> tuple[GatewayAdapter, Place]:
    adapter = adapter_now(channel.channel_id)
    if not isinstance(adapter, GatewayAdapter):
        raise Misconfigured(f"{channel.kind} is not listened to")
    place = place_of(channel.channel_id, channel.kind)
    return adapter, dataclasses.replace(place, shard=channel.shard, shards=channel.shards)


def _count(states: Mapping[Key, Listener.State], kinds: Mapping[Key, str]) -> None:
    metrics.LISTENERS.clear()
    for (kind, state), count in Counter((kinds.get(key, ""), str(state)) for key, state in states.items()).items():
        metrics.LISTENERS.labels(kind, state).set(count)
