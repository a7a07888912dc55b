"""The outbox: what a platform is still to be sent, a conversation's parts in their order, each as often as is safe.

`new → sending` is committed before the platform is called. A part found `sending` after its time is ambiguous: its
process died, or the platform took it and hung; what happens then is the platform's `Capabilities.resend`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
import uuid
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from bots import crash
from bots.threads import in_thread, in_thread_again
from channels_integrations.base import (
    Adapter,
    Button,
    Capabilities,
    ChannelError,
    EditableAdapter,
    MessageGone,
    OutboundMessage,
    SendingAdapter,
)
from channels_integrations.rendering.rich import Span
from channels_integrations.setup import Misconfigured, adapter_of, setup_of
from conversations import metrics, rates, reach
from conversations.models import Delivery
from conversations.models.delivery import OPEN
from conversations.outbox import BEGUN, later

log = structlog.get_logger(__name__)

MISCONFIGURED_SECONDS = 60.0
LITTLE = 0.05  # seconds beyond what a platform asks for, whose clock is another
MOST_GONE = 3  # times that a message is put there anew after somebody took it away
ENDS = 5  # tries of a part that may double, of which one at least ended its process


@dataclass(frozen=True, slots=True)
class Sending:
    """A part that is ours to send now: valid while its row says `sending` and this token."""

    row: Delivery
    chat_id: str
    adapter: SendingAdapter
    able: Capabilities
    channel: str  # its slug


async def deliver(conversation_id: uuid.UUID) -> float | None:
    """Sends what is due, in order. Seconds until there is more to do; None when nothing is left."""
    while True:
        job = await in_thread(_take, conversation_id)
        if not isinstance(job, Sending):
            return job
        crash.point("send begun")
        outcome = await _send(job)
        crash.point("send taken")
        metrics.SENDS.labels(job.adapter.kind, "sent" if isinstance(outcome, str) else "refused").inc()
        await in_thread_again(_settle, job.row, job.able, outcome)
        _count(job.row, job.adapter, job.channel)
        crash.point("send settled")


def _count(row: Delivery, adapter: Adapter, channel: str) -> None:
    """Of a part that came to its end here: one that was another's to settle still says `sending`."""
    if row.state not in OPEN:
        metrics.DELIVERIES.labels(row.state, adapter.kind, channel).inc()


def due(limit: int = 200) -> list[uuid.UUID]:
    """Conversations with a part whose time has come."""
    rows = Delivery.objects.heads().filter(state__in=OPEN, run_after__lte=Now()).order_by("run_after")
    return list(dict.fromkeys(rows.values_list("message__conversation_id", flat=True)[:limit]))


def _message(job: Sending) -> OutboundMessage:
    return OutboundMessage(
        chat_id=job.chat_id,
        text=job.row.payload["text"],
        spans=tuple(Span(*span) for span in job.row.payload.get("spans", ())),
        buttons=tuple(Button(**button) for button in job.row.payload.get("buttons", ())),
        part=job.row.part,
        reply_to=job.row.payload.get("reply_to", ""),
        idempotency_key=str(job.row.pk),
        expires_at=job.row.expires_at,
    )


async def _send(job: Sending) -> str | ChannelError:
    """The platform's id, or why there is none."""
    try:
        async with asyncio.timeout(settings.SEND_SECONDS):
            return await _sent(job)
    except ChannelError as error:
        return error
    except TimeoutError:
        return ChannelError("the platform did not answer", permanent=False, ambiguous=True)
    except Exception as error:  # a platform's driver is a plug-in: its mistake costs this part, not the outbox
        log.exception("adapter_broke", platform=job.adapter.kind)
        return ChannelError(f"the driver broke: {type(error).__name__}", permanent=False, ambiguous=True)


async def _sent(job: Sending) -> str:
    """The platform's id. Where nothing may be sent twice, a placeholder is, and it is filled once its id is known."""
    message, row = _message(job), job.row
    if not isinstance(job.adapter, EditableAdapter) or not (row.platform_id or _is_placed_first(row, job.able)):
        return await job.adapter.send(message)
    if not row.platform_id:
        key = row.payload.get(BEGUN, message.idempotency_key)
        blank = dataclasses.replace(message, text="", spans=(), buttons=(), idempotency_key=key)
        placed = await job.adapter.place(blank)
        crash.point("send placed")
        if not await in_thread(row.note_place, placed[:200]):
            raise ChannelError("another process sends it meanwhile", permanent=False, ambiguous=True)
    await job.adapter.edit(row.platform_id, message)
    return str(row.platform_id)


def _is_placed_first(row: Delivery, able: Capabilities) -> bool:
    """Whether a placeholder is asked for: by the key of an earlier one, the platform gives back that."""
    return able.resend == "edit" or BEGUN in row.payload


def _take(conversation_id: uuid.UUID) -> Sending | float | None:
    """The conversation's first open part, `sending` now; seconds to wait; None when there is none."""
    with transaction.atomic():
        row = _head(conversation_id)
        if row is None:
            return None
        if row.wait > 0:
            return float(row.wait)
        adapter = _adapter(row)
        if adapter is None:
            row.move(run_after=later(MISCONFIGURED_SECONDS))
            return MISCONFIGURED_SECONDS
        again, channel = row.state == Delivery.State.SENDING, setup_of(row.message.channel_id).channel_slug
        able = adapter.able(row.message.conversation.chat_id)
        verdict = _verdict(row, able)
        if verdict is not None:
            row.move(state=verdict, reason=row.reason or verdict.label, ambiguous=row.ambiguous or again)
            _count(row, adapter, channel)
            return 0.0
        if wait := _wait(row, able):
            row.move(run_after=later(wait))
            return wait
        ambiguous = row.ambiguous or (again and _doubles(able))
        until = later(settings.SEND_SECONDS * 1.5)
        taken = {"state": Delivery.State.SENDING, "attempts": row.attempts + 1, "token": row.token + 1}
        if not row.move(**taken, ambiguous=ambiguous, run_after=until):
            return 0.0
        if again and able.resend == "edit" and not row.platform_id:
            metrics.PLACEHOLDERS_LEFT.labels(adapter.kind).inc()
        return Sending(row, row.message.conversation.chat_id, adapter, able, channel)


def _wait(row: Any, able: Capabilities) -> float:
    """0, or the seconds until the platform may be asked: for its rates, or since it takes nothing of this channel."""
    channel_id, chat_id = row.message.channel_id, row.message.conversation.chat_id
    wait = rates.wait_to_try(channel_id) if setup_of(channel_id).fault else 0.0
    calls = 2 if _is_placed_first(row, able) and not row.platform_id else 1
    return wait or rates.wait_to_send(channel_id, chat_id, able, calls=calls)


def _head(conversation_id: uuid.UUID) -> Any:
    rows = Delivery.objects.filter(message__conversation_id=conversation_id, state__in=OPEN)
    row = rows.select_related("message__conversation").annotate(now=Now()).order_by("message__seq", "part").first()
    if row is not None:
        row.wait = max(0.0, (row.run_after - row.now).total_seconds())
    return row


def _adapter(row: Delivery) -> SendingAdapter | None:
    try:
        adapter = adapter_of(row.message.channel_id)
    except Misconfigured as error:
        log.warning("channel_misconfigured", channel=str(row.message.channel_id), reason=str(error))
        return None
    return adapter if isinstance(adapter, SendingAdapter) else None


def _verdict(row: Any, able: Capabilities) -> Delivery.State | None:
    """The end of a part that is not to be sent any more."""
    if row.state == Delivery.State.SENDING and not _may_go_on(row, able):
        return Delivery.State.UNKNOWN
    if row.expires_at is not None and row.expires_at <= row.now:
        return Delivery.State.EXPIRED
    if row.message.conversation.unreachable_at is not None:
        row.reason = "the platform takes nothing for this chat any more"
        return Delivery.State.FAILED
    return None


def _doubles(able: Capabilities) -> bool:
    """Whether sending again may show the text twice."""
    return able.resend != "edit"


def _may_repeat(row: Delivery, able: Capabilities) -> bool:
    """Whether a part that may have arrived is sent again: always with a key, else once, or never."""
    return able.resend in ("keyed", "edit") or (able.resend == "once" and not row.ambiguous)


def _may_go_on(row: Delivery, able: Capabilities) -> bool:
    """Whether a part whose process ended within its send is sent again. Each such end may cost one more, flagged.

    That its process ends again and again may be the part's own fault.
    """
    if able.resend == "once":
        return not row.ambiguous or row.attempts < ENDS
    return able.resend != "never"


def _settle(row: Delivery, able: Capabilities, outcome: str | ChannelError) -> None:
    """Write down what became of a send; nothing, when the row went to another meanwhile."""
    if isinstance(outcome, str):
        row.move(state=Delivery.State.SENT, platform_id=outcome[:200], sent_at=Now(), reason="")
        return
    log.warning("send_failed", delivery=str(row.pk), reason=str(outcome), attempt=row.attempts)
    if outcome.blocked:
        reach.lost(row.message.conversation_id)
    if outcome.fault:
        reach.fault(row.message.channel_id, outcome.fault)
    if outcome.retry_after:
        rates.hold_back(row.message.channel_id, able, outcome.retry_after)
    if outcome.ambiguous and able.resend == "edit" and not row.platform_id:
        metrics.PLACEHOLDERS_LEFT.labels(row.message.channel.kind).inc()
    row.move(reason=str(outcome)[:300], **_next(row, able, outcome))


def _next(row: Delivery, able: Capabilities, outcome: ChannelError) -> dict[str, Any]:
    """What the row says after this refusal. Where it is not the message that is refused, it was no try of its own."""
    states, untried = Delivery.State, {"state": Delivery.State.NEW, "attempts": row.attempts - 1}
    if isinstance(outcome, MessageGone) and row.attempts <= MOST_GONE:
        payload = {name: value for name, value in row.payload.items() if name != BEGUN}  # its key would give it again
        return {"state": states.NEW, "platform_id": "", "payload": payload, "run_after": later(able.waits[0])}
    if outcome.fault:
        return {**untried, "run_after": later(MISCONFIGURED_SECONDS)}
    if outcome.ambiguous and not _may_repeat(row, able):
        return {"state": states.UNKNOWN, "ambiguous": True}
    if outcome.retry_after is not None and not (outcome.permanent or outcome.ambiguous):
        return {**untried, "run_after": later(outcome.retry_after + LITTLE)}
    if outcome.permanent or row.attempts > len(able.waits):
        return {"state": states.FAILED}
    wait = max(able.waits[row.attempts - 1] * random.uniform(0.8, 1.2), outcome.retry_after or 0)  # noqa: S311  jitter
    again = row.ambiguous or (outcome.ambiguous and _doubles(able))
    return {"state": states.NEW, "run_after": later(wait), "ambiguous": again}
