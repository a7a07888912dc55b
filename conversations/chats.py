"""What a visitor may read and do in the web chat: short pieces of database work, their own rows only."""

from __future__ import annotations

import uuid
from typing import Any

from channels_integrations.setup import Setup
from conversations.frames import message_body
from conversations.models import Conversation, Message, Turn

PAGE = 50


def find(setup: Setup, visitor: str, wanted: object = None) -> Conversation | None:
    """The visitor's conversation of that id; for an id that is not theirs, or none, the open one, or None."""
    mine = Conversation.objects.filter(channel_id=setup.channel_id, chat_id=visitor)
    try:
        named = mine.filter(pk=uuid.UUID(str(wanted))).first() if wanted else None
    except ValueError:
        named = None
    return named or mine.filter(ended_at=None).first()


def history(conversation_id: uuid.UUID, after: int = 0) -> dict[str, Any]:
    """The `history` frame: messages after `after`, the newest PAGE of them; `more` when older ones were left out."""
    rows = Message.objects.filter(conversation_id=conversation_id, seq__gt=after).order_by("-seq")[: PAGE + 1]
    newest = list(rows)
    shown = newest[:PAGE][::-1]
    return {"type": "history", "messages": [message_body(row) for row in shown], "more": len(newest) > PAGE}


def listing(setup: Setup, visitor: str) -> list[dict[str, str]]:
    """The visitor's latest conversations."""
    rows = Conversation.objects.filter(channel_id=setup.channel_id, chat_id=visitor).order_by("-id")[:PAGE]
    return [{"id": str(row.pk), "title": row.title, "at": row.started_at.isoformat()} for row in rows]


def rate(conversation_id: uuid.UUID, message_id: uuid.UUID, value: int) -> bool:
    """Whether the answer was theirs to rate."""
    answers = Message.objects.filter(pk=message_id, conversation_id=conversation_id, role=Message.Role.ASSISTANT)
    return bool(answers.update(feedback=value))


def open_turn(conversation_id: uuid.UUID) -> bool:
    """Whether an answer is still to come."""
    return Turn.objects.filter(conversation_id=conversation_id, state__in=("queued", "running", "waiting")).exists()
