"""What should have happened by now and has not, and what was given up: the ledger's own alarm."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Count, Min, Q
from django.db.models.functions import Now
from django.utils import timezone

from bots.remember import remembered_for
from channels_integrations.models import RawEvent
from conversations.models import Conversation, Delivery, Turn, delivery, turn
from conversations.models.conversation import no_test

ALARM_SECONDS = 60.0  # a sweeper looks every five; an hour's queue is no alarm, a minute's silence is

UNHELD = Q(conversation__lease_until=None) | Q(conversation__lease_until__lt=Now())  # nobody is at it
KINDS: dict[str, tuple[Any, Q, tuple[str, ...]]] = {
    "events": (RawEvent, Q(state=RawEvent.State.NEW), (RawEvent.State.DEAD,)),
    "turns": (Turn, Q(state__in=turn.OPEN, conversation__owner=Conversation.Owner.BOT) & UNHELD, turn.TO_TRY_AGAIN),
    "deliveries": (Delivery, Q(state__in=delivery.OPEN), delivery.TO_TRY_AGAIN),
}


@dataclass(frozen=True, slots=True)
class Undone:
    """`overdue`: seconds that the oldest one should have been done since; `dead`: how many were given up."""

    overdue: float
    dead: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """Open conversations that are not the bot's. `longest`: seconds that the first in the row has waited."""

    waiting: int
    with_a_person: int
    longest: float


def undone() -> dict[str, Undone]:
    """By kind: events, turns, deliveries."""
    return {kind: Undone(seconds, dead(kind).count()) for kind, seconds in overdue().items()}


def overdue() -> dict[str, float]:
    """By kind, how long the oldest should have been done. Over partial indexes."""
    return {kind: _overdue(kind) for kind in KINDS}


@remembered_for(60)
def dead_counts() -> dict[str, int]:
    """By kind, how many were given up, as of a minute ago: to count them, all rows are looked through."""
    return {kind: dead(kind).count() for kind in KINDS}


def waiting() -> Waiting:
    """Who waits for a person, and who has one. One statement, over a partial index."""
    owner = Conversation.Owner
    found = Conversation.objects.filter(owner__in=(owner.WAITING, owner.HUMAN), ended_at=None).aggregate(
        waiting=Count("pk", filter=Q(owner=owner.WAITING)), human=Count("pk", filter=Q(owner=owner.HUMAN)),
        since=Min("waiting_since", filter=Q(owner=owner.WAITING)),
    )  # fmt: skip
    return Waiting(found["waiting"], found["human"], _age(found["since"]))


def dead(kind: str) -> Any:
    """Rows of this kind that were given up, newest first."""
    model, _open, states = KINDS[kind]
    rows = model.objects.filter(state__in=states).order_by("-pk")
    return rows.filter(no_test("message__conversation__")) if kind == "deliveries" else rows


def replay(kind: str, ids: Iterable[Any] | None = None) -> int:
    """How many of this kind, or of those named, are tried once more from their beginning."""
    rows = dead(kind) if ids is None else dead(kind).filter(pk__in=list(ids))
    values: dict[str, Any] = {"attempts": 0, "run_after": Now(), "reason": ""}
    if kind == "turns":
        values |= {"state": Turn.State.QUEUED, "finished_at": None, "stop_requested": False, "live_id": ""}
        rows = rows.filter(pk__in=Turn.objects.filter(conversation__chat_user__person__blocked_at=None).values("pk"))
    else:
        values["state"] = "new"
    if kind == "deliveries":
        values["expires_at"] = None
    return int(rows.order_by().update(**values))


def _overdue(kind: str) -> float:
    model, still_open, _states = KINDS[kind]
    rows = model.objects.heads() if kind == "deliveries" else model.objects
    oldest = rows.filter(still_open, run_after__lte=Now()).aggregate(oldest=Min("run_after"))["oldest"]
    return _age(oldest)


def _age(since: Any) -> float:
    return max(0.0, (_now() - since).total_seconds()) if since else 0.0


def _now() -> Any:
    """The database's clock, where it has one of its own."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        return cursor.fetchone()[0]
