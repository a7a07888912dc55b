"""Claim and close: the two short transactions around an answer. Between them no connection is held.

The lease makes one process the holder of a conversation; the token fences out a holder that slept through its lease.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q, QuerySet, Window
from django.db.models.functions import Now, RowNumber

from conversations import lines
from conversations.models import Conversation, Delivery, Message, ModelCall, ToolCall, Turn
from conversations.models.turn import OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to answer one turn: valid while the conversation's lease_token is `token`.

    `alone`: no other turn was open when it was given.
    """

    turn: Turn
    conversation: Conversation
    token: int
    history: tuple[lines.Line, ...]
    spoken: str
    alone: bool = False
    journal: tuple[ToolCall, ...] = ()
    rounds: tuple[ModelCall, ...] = ()

    @property
    def refused(self) -> str:
        """Why the message is answered with a sentence of ours: "too_long", "media", or "" when the model answers."""
        own = [m for m in self.history if m.turn_id == self.turn.pk and m.role == Message.Role.USER]
        return next((m.metadata["refused"] for m in own if "refused" in m.metadata), "")

    @property
    def answer_to(self) -> str:
        """What the platform is told with the answer, so that it stands where it belongs: the last message's."""
        own = (m for m in reversed(self.history) if m.turn_id == self.turn.pk and m.role == Message.Role.USER)
        return next((str(m.metadata["answer_to"]) for m in own if "answer_to" in m.metadata), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a turn ended. `text` is what the person reads, also when it failed.

    `in_context`, `question_in_context`: whether models are shown the answer, and what it answers, from now on.
    """

    state: Turn.State
    text: str
    reason: str = ""
    model: str = ""
    tokens: int | None = None
    in_context: bool = True
    question_in_context: bool = True
    provider_state: dict[str, Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    calls: tuple[ModelCall, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The stored answer, and whether another turn of the conversation waits."""

    message: Message
    more: bool
    to_send: bool


def claim(conversation_id: uuid.UUID, *, length: int) -> Claim | None:
    """The oldest open turn, ours now; None when another holds the lease, a person owns it, or nothing is open.

    The attempt is counted here, before any model is called. `length`: most messages of history.
    """
    with transaction.atomic():
        if not _take_lease(conversation_id):
            return None
        turn = _next_turn(conversation_id)
        if turn is None:
            Conversation.objects.filter(pk=conversation_id).update(lease_until=None)
            return None
        turn.attempts += 1
        turn.state = Turn.State.RUNNING
        Turn.objects.filter(pk=turn.pk).update(state=turn.state, attempts=turn.attempts, started_at=Now())
        return _claimed(turn, turn.conversation, length, **_unfinished(turn))


def claim_stored(turn: Turn, conversation: Conversation, *, length: int) -> Claim:
    """The claim of the only open turn, stored as running and its lease taken with it in this very transaction."""
    return _claimed(turn, conversation, length, alone=True)


def waits(conversation: Conversation) -> bool:
    """Whether a turn of this conversation, which is locked here, is still to be answered."""
    return Turn.objects.filter(conversation=conversation, state__in=OPEN).exists()


def lease() -> dict[str, Any]:
    """What a conversation's row says from the moment it is held."""
    return {"lease_until": _lease_end(), "lease_token": F("lease_token") + 1}


def _claimed(turn: Turn, conversation: Conversation, length: int, *, alone: bool = False, **unfinished: Any) -> Claim:
    history = lines.until(turn, length, alone=alone)
    return Claim(
        turn=turn,
        conversation=conversation,
        token=conversation.lease_token,
        history=history,
        spoken="\n".join(m.text for m in history if m.turn_id == turn.pk and m.role == Message.Role.USER),
        alone=alone,
        **unfinished,
    )


def close(held: Claim, outcome: Outcome, parts: Sequence[Delivery] = ()) -> Closed | None:
    """The stored answer, with its parts for the platform. None when the lease went to another: nothing is changed."""
    turn, conversation = held.turn, held.conversation
    with transaction.atomic():
        released = _release_undisturbed(held) or _release(held)
        if released is None:
            return None
        seq, more = released
        message = answer_of(held, outcome, seq=seq)
        message.save(force_insert=True)
        if not outcome.question_in_context:
            Message.objects.filter(conversation=conversation, turn=turn).update(in_context=False)
        for part in parts:
            part.message = message
        if parts:
            Delivery.objects.bulk_create(parts)
        if outcome.calls:
            ModelCall.objects.bulk_create(outcome.calls)
        Turn.objects.filter(pk=turn.pk).update(state=outcome.state, reason=outcome.reason[:300], finished_at=Now())
    return Closed(message=message, more=more, to_send=bool(parts))


def answer_of(held: Claim, outcome: Outcome, *, seq: int) -> Message:
    """The answer, not stored yet."""
    return Message(
        conversation=held.conversation,
        channel_id=held.conversation.channel_id,
        turn=held.turn,
        seq=seq,
        role=Message.Role.ASSISTANT,
        text=outcome.text,
        model_used=outcome.model,
        token_count=outcome.tokens,
        in_context=outcome.in_context,
        provider_state=outcome.provider_state,
        metadata=outcome.metadata,
    )


def _release_undisturbed(held: Claim) -> tuple[int, bool] | None:
    """As `_release`, in the one statement it takes where nobody wrote meanwhile; None where somebody did."""
    seq = held.conversation.next_seq
    mine = _held(held).filter(next_seq=seq)
    return (seq, False) if held.alone and mine.update(**_released(seq)) else None


def _release(held: Claim) -> tuple[int, bool] | None:
    """The `seq` of the answer and whether another turn waits; None when the conversation is not ours any more."""
    conversation = _held(held).select_for_update().first()
    if conversation is None:
        return None
    seq = conversation.next_seq
    due = Turn.objects.filter(conversation=conversation, state__in=OPEN, run_after__lte=Now())
    more = due.exclude(pk=held.turn.pk).exists()  # under the lock: one queued while we waited for it is seen
    Conversation.objects.filter(pk=conversation.pk).update(**_released(seq))
    return seq, more


def _released(seq: int) -> dict[str, Any]:
    return {"next_seq": seq + 1, "last_activity": Now(), "lease_until": None}


def _held(held: Claim) -> QuerySet[Conversation]:
    """The conversation's row as long as it is ours."""
    return Conversation.objects.filter(pk=held.conversation.pk, lease_token=held.token, lease_until__isnull=False)


def keep_cost(held: Claim, calls: Sequence[ModelCall]) -> None:
    """Of an answer to a conversation that was erased meanwhile: what it cost, without a word of it."""
    if Conversation.objects.filter(pk=held.conversation.pk, erased_at__isnull=False).exists():
        for call in calls:
            call.said = None
        ModelCall.objects.bulk_create(calls)


def hand_back(held: Claim) -> None:
    """Let another process answer: the turn is queued again, its attempt not counted."""
    with transaction.atomic():
        if _held(held).update(lease_until=None):  # else it was closed meanwhile
            running = Turn.objects.filter(pk=held.turn.pk, state=Turn.State.RUNNING)
            running.update(state=Turn.State.QUEUED, attempts=held.turn.attempts - 1)


def renew(held: list[Claim]) -> None:
    """Keep the leases of these claims for another LEASE_SECONDS.

    A row that another transaction holds is left to the next round: waiting for one while holding others deadlocks.
    """
    mine = Q()
    for claim_ in held:
        mine |= Q(pk=claim_.conversation.pk, lease_token=claim_.token)
    with transaction.atomic():
        rows = Conversation.objects.filter(mine, lease_until__isnull=False) if held else Conversation.objects.none()
        free = list(rows.select_for_update(skip_locked=True).values_list("pk", flat=True))
        if free:
            Conversation.objects.filter(pk__in=free).update(lease_until=_lease_end())


def to_stop(turns: list[uuid.UUID]) -> set[uuid.UUID]:
    """Those of these turns that somebody asked to stop, or whose channel was switched off."""
    asked = Q(stop_requested=True) | Q(conversation__channel__paused_at__isnull=False)
    return set(Turn.objects.filter(asked, pk__in=turns).values_list("pk", flat=True))


def unattended(limit: int = 500) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """Conversations with an open turn and no live lease, and their channels: what the sweeper rings for.

    Oldest turn first, and of every channel as many.
    """
    open_turns = (
        Turn.objects.filter(
            Q(conversation__lease_until=None) | Q(conversation__lease_until__lt=Now()),
            state__in=OPEN,
            run_after__lte=Now(),
            conversation__owner=Conversation.Owner.BOT,
        )
        .annotate(place=Window(RowNumber(), partition_by="conversation__channel_id", order_by="run_after"))
        .order_by("place", "run_after")
        .values_list("conversation_id", "conversation__channel_id")[:limit]
    )
    return list(dict.fromkeys(open_turns))


def holds(held: Claim) -> bool:
    """Whether the conversation is still ours, and stays so until this transaction ends."""
    return bool(_held(held).select_for_update().exists())


def journal(held: Claim, call: ModelCall | None, tools: list[ToolCall]) -> bool:
    """Whether the round was written down: what the model said, and its tool calls as they stand. False: fenced out."""
    with transaction.atomic():
        if not holds(held):
            return False
        if call is not None:  # again without harm, where the first time's commit was not heard of
            ModelCall.objects.bulk_create([call], ignore_conflicts=True)
        ToolCall.objects.bulk_create(
            tools, update_conflicts=True, unique_fields=["id"], update_fields=["state", "result", "finished_at"]
        )
    return True


def _take_lease(conversation_id: uuid.UUID) -> bool:
    free = Conversation.objects.filter(
        Q(lease_until=None) | Q(lease_until__lt=Now()), pk=conversation_id, owner=Conversation.Owner.BOT
    )
    return bool(free.update(**lease()))


def _next_turn(conversation_id: uuid.UUID) -> Turn | None:
    return (
        Turn.objects.filter(conversation_id=conversation_id, state__in=OPEN, run_after__lte=Now())
        .select_related("conversation__chat_user__person")
        .order_by("first_seq")
        .first()
    )


def _unfinished(turn: Turn) -> dict[str, Any]:
    """The journal of earlier attempts, also uncounted ones; a turn that was never started has none."""
    if turn.started_at is None:
        return {}
    return {
        "journal": tuple(turn.tool_calls.order_by("round", "position")),
        "rounds": tuple(turn.model_calls.filter(said__isnull=False).order_by("round")),
    }


def _lease_end() -> Any:
    end: datetime | Any = Now() + timedelta(seconds=settings.LEASE_SECONDS)
    return ExpressionWrapper(end, output_field=DateTimeField())
