"""An answer on its platform while it is written: "is typing", a draft, or a message that is edited again and again.

What is shown here may lag or be missing; what counts is sent by the outbox when the answer is stored. A message that is
edited is put there as a mere placeholder first, its id committed, and only then filled: so that whoever takes over
after a crash goes on with it, and no answer stands there twice.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from django.conf import settings
from django.db import Error, transaction
from django.db.models.functions import Now

from bots import crash
from bots.threads import in_thread
from channels_integrations.base import (
    Adapter,
    ChannelError,
    DraftingAdapter,
    EditableAdapter,
    OutboundMessage,
    SendingAdapter,
    TypingAdapter,
)
from channels_integrations.rendering.rich import Rich
from conversations import metrics, rates, turns
from conversations.draft import Draft
from conversations.models import Delivery, Turn
from conversations.models.delivery import OPEN
from conversations.outbox import later
from conversations.turns import Claim

log = structlog.get_logger(__name__)

TICK = 0.1
SLOWEST = 15.0  # seconds between two edits, however long an answer takes
STALE = 20.0  # after which a draft is shown again: platforms forget it after thirty
PATIENCE = 5.0  # for what is on its way when the answer is there
PLACING = "?"  # in a turn's `live_id`: a placeholder was asked for, and nobody knows what became of it


def begun_in(turn: Turn) -> str:
    """The id of the message in which an earlier try showed this answer; "" for none."""
    return str(turn.live_id.removeprefix(PLACING))


def begun_as(turn: Turn) -> str:
    """The key with which a placeholder was asked for whose fate nobody knows; "" for none."""
    return str(turn.pk) if turn.live_id == PLACING else ""


class Overtaken(Exception):
    """Another process answers this turn meanwhile."""


class Live:
    """How one answer is shown. `placed`: the platform's id of the message that is edited; "" for none."""

    def __init__(self, held: Claim, adapter: SendingAdapter, draft: Draft, *, shows: bool) -> None:
        self.held = held
        self.adapter = adapter
        self.draft = draft
        self.chat_id = held.conversation.chat_id
        self.able = adapter.able(self.chat_id)
        self.mode = self.able.live if shows else ""
        self.placed = begun_in(held.turn)
        self.not_before = 0.0  # by time.monotonic(): the platform asked for patience
        self._over = asyncio.Event()
        self._said: Rich | None = None
        self._shown_at = self._looked_at = self._typed_at = 0.0
        self._length = 0  # of the text that was shown
        self._every = self.able.live_every
        self._began = time.monotonic()
        if held.turn.live_id == PLACING and self.able.resend == "edit":
            metrics.PLACEHOLDERS_LEFT.labels(adapter.kind).inc()
            log.warning("placeholder_may_be_left", turn_id=str(held.turn.pk))

    async def run(self) -> None:
        """Shows what there is until `end`."""
        while not self._over.is_set():
            now = time.monotonic()
            if now >= self.not_before:
                await self._step(now)
            try:
                await asyncio.wait_for(self._over.wait(), TICK)
            except TimeoutError:
                continue

    def end(self) -> None:
        """Begin nothing more."""
        self._over.set()

    async def _step(self, now: float) -> None:
        try:
            async with asyncio.timeout(settings.SEND_SECONDS):
                if self._may_type(now):
                    self._typed_at = now
                    await self.adapter.typing(self.chat_id)  # type: ignore[attr-defined]
                if self._is_due(now) and (part := await asyncio.to_thread(self._part)) is not None:
                    await self._show(part)
        except ChannelError as error:
            self._refused(error)
            if error.retry_after:
                channel_id = self.held.conversation.channel_id
                await asyncio.to_thread(rates.hold_back, channel_id, self.able, error.retry_after)
        except (Error, Overtaken, TimeoutError) as error:
            self.mode = ""  # the answer itself will come
            log.info("live_answer_given_up", error=type(error).__name__)

    def _may_type(self, now: float) -> bool:
        if not isinstance(self.adapter, TypingAdapter) or (self._said is not None and self.mode == "draft"):
            return False
        return now - self._typed_at >= self.able.typing_every

    def _is_due(self, now: float) -> bool:
        """Whether it is time to look, and there is something new; a draft is shown anew before it is forgotten."""
        text, again = self.draft.text, self.mode == "draft" and now - self._shown_at > STALE
        if not self.mode or not text.strip() or now - max(self._looked_at, self._began) < self._every:
            return False
        self._looked_at = now
        return again or len(text) != self._length

    def _part(self) -> Rich | None:
        """What is shown of the text: its end in a draft, its beginning in a message; None where that stands there."""
        text = self.draft.text
        parts = [part for part in self.adapter.parts(text) if part.text.strip()]
        self._length = len(text)
        part = parts[-1 if self.mode == "draft" else 0].stripped()
        return None if self.mode == "edit" and part == self._said else part

    async def _show(self, part: Rich) -> None:
        message = OutboundMessage(
            chat_id=self.chat_id, text=part.text, spans=part.spans, reply_to=self.held.answer_to,
            idempotency_key=str(self.held.turn.pk),
        )  # fmt: skip
        if self.mode == "draft" and isinstance(self.adapter, DraftingAdapter):
            if not await asyncio.to_thread(rates.may_draft, self.held.conversation.channel_id, self.able):
                self._length = 0  # shown later
                return
            await self.adapter.draft(self.held.turn.pk.int % (2**31 - 1) + 1, message)
        elif isinstance(self.adapter, EditableAdapter):
            if not await in_thread(self._may_show):
                self._length = 0  # the same is tried again
                return
            self.placed = self.placed or await self._place(self.adapter, message)
            await self.adapter.edit(self.placed, message)
        self._said, self._shown_at = part, time.monotonic()
        self._every = min(self._every * self.able.live_growth, SLOWEST)

    def _may_show(self) -> bool:
        """Whether all that was said before stands there, and the chat has room for it. Raises Overtaken."""
        conversation = self.held.conversation
        with transaction.atomic():
            if not turns.holds(self.held):
                raise Overtaken
        before = Delivery.objects.filter(message__conversation=conversation, state__in=OPEN)
        return not before.exists() and rates.may_show(conversation.channel_id, self.chat_id, self.able)

    async def _place(self, adapter: EditableAdapter, message: OutboundMessage) -> str:
        """The id of a placeholder, known to the turn's row before anything of the answer stands in it."""
        if self.able.resend in ("edit", "keyed") and not await in_thread(self._note, PLACING):
            raise Overtaken
        crash.point("placeholder begun")
        try:
            placed = await adapter.place(dataclasses.replace(message, text="", spans=()))
        except ChannelError as error:
            if error.ambiguous and self.able.resend == "edit":  # one may stand there: no other is tried
                metrics.PLACEHOLDERS_LEFT.labels(adapter.kind).inc()
                self.mode = ""
            raise
        crash.point("placeholder taken")
        if not await in_thread(self._note, placed):
            metrics.PLACEHOLDERS_LEFT.labels(adapter.kind).inc()
            raise Overtaken
        return placed

    def _note(self, live_id: str) -> bool:
        """Whether the turn's row says so now: only while nobody took the turn over."""
        turn = self.held.turn
        turn.live_id = live_id[:200]
        with transaction.atomic():
            return turns.holds(self.held) and bool(Turn.objects.filter(pk=turn.pk).update(live_id=turn.live_id))

    async def mend(self) -> None:
        """The answer was another's: has what that one sent sent again, since what we showed of it may have come later.

        A process that slept within an edit cannot know. To edit a message to what it says already harms nobody.
        """
        if self.placed:
            await in_thread(self._send_again)

    def _send_again(self) -> None:
        state = Delivery.State
        told = Delivery.objects.filter(message__turn=self.held.turn, platform_id=self.placed)
        told.filter(state__in=(state.SENDING, state.SENT)).update(
            state=state.NEW, run_after=Now(), expires_at=later(self.able.keep_trying)
        )

    def _refused(self, error: ChannelError) -> None:
        log.info("live_answer_refused", reason=str(error)[:200])
        if error.retry_after:
            self.not_before = time.monotonic() + error.retry_after
        elif error.permanent:
            self.mode = ""
        self._every, self._length = min(self._every * 2, SLOWEST), 0  # the same is shown again


@asynccontextmanager
async def showing(held: Claim, adapter: Adapter | None, draft: Draft, *, shows: bool) -> AsyncIterator[Live | None]:
    """Shows the answer within; afterwards nothing of it is on its way any more."""
    if not isinstance(adapter, SendingAdapter):
        yield None
        return
    live = Live(held, adapter, draft, shows=shows)
    task = asyncio.create_task(live.run())
    try:
        yield live
    finally:
        live.end()
        _done, late = await asyncio.wait({task}, timeout=PATIENCE)
        for slow in late:
            slow.cancel()
        (broken,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(broken, Exception):  # a platform's driver is a plug-in: its mistake costs the showing alone
            log.error("live_answer_broke", platform=adapter.kind, exc_info=broken)
