"""The turns of this process: rung for, kept alive, swept up, drained. Runs in every web, worker and gateway process."""

from __future__ import annotations

import asyncio
import functools
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ParamSpec

import structlog
from django.conf import settings
from django.db import Error

from bots.providers import pool
from bots.threads import in_reserve, in_thread
from conversations import busy, delivery, events, presses, reminders, turn_requests, turns
from conversations.accept import Accepted
from conversations.capacity import TURNS
from conversations.chores import Chores
from conversations.draft import Frame
from conversations.fanout import Fanout
from conversations.hub import Hub, Watcher
from conversations.pipeline import Begun, Running, accept_and_prepare, answer, prepare
from conversations.supervised import every
from conversations.turns import Claim

log = structlog.get_logger(__name__)

TICK = 0.5
LITTLE = 0.05  # after a turn's time has come, so that the database's clock says so too
RENEWED = 200  # leases in one statement
ORPHAN_SECONDS = 2.0  # after which a message is answered though its door, cut off, never rang for it

P = ParamSpec("P")


class Runner:
    """One a process. `start` and `drain` bracket its life on an event loop."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.running: dict[uuid.UUID, Running] = {}
        self.fanout = Fanout(self.hub, self.running)
        self._tasks: dict[uuid.UUID, asyncio.Task[None]] = {}
        self._again: set[uuid.UUID] = set()
        self._begun: dict[uuid.UUID, Begun | Claim] = {}
        self._reading = Chores("event", self._read, self.in_background)  # of channels
        self._sending = Chores("delivery", delivery.deliver, self.in_background)  # of conversations
        self._others: set[asyncio.Task[Any]] = set()
        self._loops: list[asyncio.Task[None]] = []
        self.draining = False
        self._drained: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin sweeping and keeping; a second call does nothing."""
        if self._loops:
            return
        self.draining, self._drained = False, None
        await self.fanout.start()
        loops: list[tuple[Callable[[], Awaitable[Any]], float]] = [
            (self._sweep, settings.SWEEP_SECONDS),
            (self._keep, TICK),
            (self._renew, settings.LEASE_SECONDS / 3),
            (self._tell_busy, settings.SWEEP_SECONDS),
            (self.hub.poll, TICK * 2),
            (reminders.remind, 30),
            *(
                [] if settings.CELERY_BROKER_URL else [(functools.partial(in_thread, events.purge), 3600)]
            ),  # else beat's
        ]
        for work, seconds in loops:
            self._loops.append(asyncio.create_task(every(seconds, work)))

    def watch(self, conversation_id: uuid.UUID, watcher: Watcher, *, seen: int, owner: str = "bot") -> None:
        """Show it what happens from now on; it knows messages up to `seen`, and that `owner` answers."""
        self.hub.watch(conversation_id, watcher, seen=seen, owner=owner)
        self.fanout.watched(conversation_id)

    def announce(self, conversation_id: uuid.UUID, frame: Frame) -> None:
        """Show a frame to every watcher, in whatever process."""
        self.hub.publish(conversation_id, frame)
        self.fanout.tell(conversation_id, frame)

    def leave(self, conversation_id: uuid.UUID, watcher: Watcher) -> None:
        """Show it nothing more."""
        self.hub.leave(conversation_id, watcher)
        self.fanout.left(conversation_id)

    async def accept(self, store: Callable[P, Accepted], *args: P.args, **kwargs: P.kwargs) -> Accepted:
        """What `store` accepted; it is answered also when whoever asked for this is gone meanwhile."""
        task = asyncio.ensure_future(in_thread(accept_and_prepare, functools.partial(store, *args, **kwargs)))
        self._others.add(task)
        task.add_done_callback(self._accepted)
        return (await asyncio.shield(task))[0]

    def _accepted(self, task: asyncio.Task[tuple[Accepted, Begun | None]]) -> None:
        self._others.discard(task)
        if not task.cancelled() and task.exception() is None:
            accepted, begun = task.result()
            self._hold(begun)
            asyncio.get_running_loop().call_later(ORPHAN_SECONDS, self._ring_held, accepted.conversation_id)

    def _hold(self, begun: Begun | Claim | None) -> None:
        """Keep a turn that was claimed with its message until it is rung for; while draining, hand it back."""
        if begun is None:
            return
        self._begun[_held(begun).conversation.pk] = begun  # so that the drain knows of it, whatever it waits for now
        if self.draining:
            self.in_background(_hand_back(_held(begun)))

    def _ring_held(self, conversation_id: uuid.UUID) -> None:
        if begun := self._begun.get(conversation_id):
            self.ring(conversation_id, _held(begun).conversation.channel_id)

    async def follow_up(self, accepted: Accepted, text: str) -> None:
        """See to an accepted message: ring for its turn; `/stop` acts at once, not when its turn comes."""
        if text.strip().lower() == "/stop" and accepted.claim is None:
            await self.request_stop(accepted.conversation_id, queued=True)
        if accepted.turn_id is not None and accepted.wait:
            self._ring_later(accepted.conversation_id, accepted.message.channel_id, accepted.wait)
        elif accepted.turn_id is not None:
            self.ring(accepted.conversation_id, accepted.message.channel_id)

    async def request_stop(self, conversation_id: uuid.UUID, *, queued: bool = False) -> None:
        """Stop the running turn, in whatever process it runs. `queued`: and what waits behind it."""
        await in_thread(turn_requests.request_stop, conversation_id, queued=queued)
        if conversation_id in self.running:
            self.running[conversation_id].stop.ask()

    def ring(self, conversation_id: uuid.UUID, channel_id: uuid.UUID | None = None) -> None:
        """Answer this conversation's open turns, when there is a place or the one that runs is done.

        Where too many of its channel wait for places, nothing: the sweeper finds it later.
        """
        if self.draining:
            return
        if conversation_id in self._tasks:
            self._again.add(conversation_id)
            return
        if TURNS.is_crowded(channel_id) and conversation_id not in self._begun:
            return
        task = asyncio.create_task(self._work(conversation_id, channel_id))
        self._tasks[conversation_id] = task
        task.add_done_callback(
            lambda done: self._tasks.get(conversation_id) is done and self._tasks.pop(conversation_id)
        )

    def ring_channel(self, channel_id: uuid.UUID) -> None:
        """Read this channel's raw events, and answer what they brought."""
        if not self.draining:
            self._reading.ring(channel_id)

    def ring_delivery(self, conversation_id: uuid.UUID) -> None:
        """Send what is due of this conversation."""
        if not self.draining:
            self._sending.ring(conversation_id)

    def _ring_later(self, conversation_id: uuid.UUID, channel_id: uuid.UUID, wait: float) -> None:
        asyncio.get_running_loop().call_later(wait + LITTLE, self.ring, conversation_id, channel_id)

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Done beside everything else; a drain waits for it."""
        task = asyncio.create_task(work)
        self._others.add(task)
        task.add_done_callback(self._others.discard)

    async def _read(self, channel_id: uuid.UUID) -> None:
        while not self.draining and (found := await in_thread(events.read, channel_id)) is not None:
            for conversation_id, claim in found.claims.items():
                self._hold(claim)
                self.ring(conversation_id, channel_id)
            for conversation_id, wait in found.waits.items():
                self._ring_later(conversation_id, channel_id, wait)
            if found.presses:
                self.in_background(presses.acknowledge(channel_id, found.presses))

    async def drain(self, seconds: float) -> None:
        """Claim nothing more, let running turns finish for `seconds`, hand the rest back.

        A second call joins the first.
        """
        self.draining = True
        if self._drained is None:
            self._drained = asyncio.create_task(self._drain(seconds))
        await asyncio.shield(self._drained)

    async def _drain(self, seconds: float) -> None:
        for loop in self._loops[:1]:
            loop.cancel()
        if self._tasks or self._others:
            await asyncio.wait({*self._tasks.values(), *self._others}, timeout=seconds)
        left = self._all_held()
        unfinished = {*self._tasks.values(), *self._others}
        for task in (*unfinished, *self._loops):
            task.cancel()
        await asyncio.gather(*unfinished, *self._loops, return_exceptions=True)
        for held in left:
            await _hand_back(held)
        self._loops.clear()
        self._begun.clear()
        await self.fanout.stop()
        await pool.aclose()

    async def _work(self, conversation_id: uuid.UUID, channel_id: uuid.UUID | None) -> None:
        more = True
        while more:
            async with TURNS.taken_by(channel_id):
                more = await self._answer(conversation_id)

    async def _answer(self, conversation_id: uuid.UUID) -> bool:
        """Answer the oldest turn. Whether there is more to do; if not, the next ring is a new task."""

        def note(running: Running) -> None:
            self.running[conversation_id] = running
            self._begun.pop(conversation_id, None)

        async def emit(frame: Frame) -> None:
            self.announce(conversation_id, frame)

        if self.draining:
            return False
        self._again.discard(conversation_id)
        try:
            begun = await self._prepared(conversation_id)
            reply = await answer(conversation_id, emit, begun=begun, started=note)
        except Error as error:
            self._begun.pop(conversation_id, None)
            log.warning("turn_left_to_sweeper", error=type(error).__name__)
            return False
        finally:
            self.running.pop(conversation_id, None)
        if reply and reply.to_send:
            self.ring_delivery(conversation_id)
        if (reply and reply.more) or conversation_id in self._again or conversation_id in self._begun:
            return True
        self._tasks.pop(conversation_id, None)  # now, not a moment later: the next ring must not be lost
        return False

    async def _prepared(self, conversation_id: uuid.UUID) -> Begun | None:
        """What was claimed with its message: kept, and its lease renewed, until it runs."""
        begun = self._begun.get(conversation_id)
        if isinstance(begun, Claim):
            begun = await in_thread(prepare, begun)
            if begun is None:
                self._begun.pop(conversation_id, None)
        return begun

    async def _sweep(self) -> None:
        for channel_id in await in_thread(events.unread):
            self.ring_channel(channel_id)
        for conversation_id, channel_id in await in_thread(turns.unattended):
            self.ring(conversation_id, channel_id)
        for conversation_id in await in_thread(delivery.due):
            self.ring_delivery(conversation_id)

    async def _keep(self) -> None:
        if not self.running:
            return
        by_turn = {running.held.turn.pk: running for running in self.running.values()}
        for turn_id in await in_thread(turns.to_stop, list(by_turn)):
            by_turn[turn_id].stop.ask()

    async def _renew(self) -> None:
        held = self._all_held()
        for start in range(0, len(held), RENEWED):
            await in_reserve(turns.renew, held[start : start + RENEWED])

    async def _tell_busy(self) -> None:
        """Tell who has waited too long for a place, here or in the rows while there is none here."""
        kept = [running.held for running in self.running.values() if busy.is_late(running.draft.waits_since)]
        kept += [_held(begun) for begun in self._begun.values()]
        for _ in range(busy.TIMES if kept or TURNS.waiting else 0):
            told = await in_thread(busy.tell, [held.turn.pk for held in kept])
            for conversation_id in told:
                self.ring_delivery(conversation_id)
            if len(told) < busy.AT_A_TIME:
                return

    def _all_held(self) -> list[Claim]:
        return [held.held for held in self.running.values()] + [_held(begun) for begun in self._begun.values()]


def _held(begun: Begun | Claim) -> Claim:
    return begun.held if isinstance(begun, Begun) else begun


async def _hand_back(held: Claim) -> None:
    try:
        await in_thread(turns.hand_back, held)
    except Error as error:
        log.warning("turn_left_to_sweeper", error=type(error).__name__)


runner = Runner()
