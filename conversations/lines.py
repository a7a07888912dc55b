"""What was said in a conversation, as its next answer needs to know it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, fields
from typing import Any

from django.db.models import Q

from conversations.models import Message, Turn
from conversations.models.turn import OPEN


@dataclass(frozen=True, slots=True)
class Line:
    """What an answer needs to know of a stored message. Twenty of these cost a third of twenty rows."""

    seq: int
    role: str
    text: str
    turn_id: uuid.UUID | None
    sender_id: uuid.UUID | None
    metadata: dict[str, Any]


def title(text: str) -> str:
    """Of a conversation that begins with this."""
    return " ".join(text.split())[:80]


LINE = [each.name for each in fields(Line)]


def until(turn: Turn, length: int, *, alone: bool) -> tuple[Line, ...]:
    """The turn's own messages and those before it, oldest first: what is queued behind it is not yet said.

    `alone`: nothing is.
    """
    rows = Message.objects.filter(Q(in_context=True) | Q(turn_id=turn.pk), conversation_id=turn.conversation_id)
    if not alone:
        later = Turn.objects.filter(conversation_id=turn.conversation_id, first_seq__gt=turn.first_seq, state__in=OPEN)
        rows = rows.exclude(turn_id__in=later.values("pk"))
    return tuple(Line(*row) for row in reversed(rows.order_by("-seq").values_list(*LINE)[:length]))
