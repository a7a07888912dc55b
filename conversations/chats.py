"""What a visitor may read and do in the web chat: short pieces of database work, their own rows only."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce, Concat, Now

from channels_integrations.base import Button
from channels_integrations.setup import Setup
from conversations.frames import message_body
from conversations.models import Conversation, Delivery, Message, ModelCall, Note, ToolCall, Turn

PAGE = 50


def find(setup: Setup, visitor: str, wanted: object = None) -> Conversation | None:
    """The visitor's conversation of that id; for an id that is not theirs, or none, the open one, or None."""
    try:
        named = exactly(setup, visitor, uuid.UUID(str(wanted))) if wanted else None
    except ValueError:
        named = None
    found: Conversation | None = named or _mine(setup, visitor).filter(ended_at=None).first()
    return found


def exactly(setup: Setup, visitor: str, wanted: uuid.UUID) -> Conversation | None:
    """The visitor's conversation of that very id."""
    found: Conversation | None = _mine(setup, visitor).filter(pk=wanted).first()
    return found


def _mine(setup: Setup, visitor: str) -> Any:
    return Conversation.objects.filter(channel_id=setup.channel_id, chat_id=visitor, erased_at=None)


def history(conversation_id: uuid.UUID, after: int = 0) -> dict[str, Any]:
    """The `history` frame: messages after `after`, the newest PAGE of them; `more` when older ones were left out."""
    return _page(Message.objects.filter(conversation_id=conversation_id, seq__gt=after))


def older(conversation_id: uuid.UUID, before: int) -> dict[str, Any]:
    """The `history` frame of what stands before `before`, PAGE messages at most."""
    return {**_page(Message.objects.filter(conversation_id=conversation_id, seq__lt=before)), "older": True}


def _page(rows: Any) -> dict[str, Any]:
    newest = list(rows.order_by("-seq")[: PAGE + 1])
    shown = newest[:PAGE][::-1]
    return {"type": "history", "messages": [message_body(row) for row in shown], "more": len(newest) > PAGE}


def listing(setup: Setup, visitor: str) -> list[dict[str, str]]:
    """The visitor's latest conversations in which something was said."""
    rows = _mine(setup, visitor).filter(next_seq__gt=1).order_by("-id")[:PAGE]
    return [{"id": str(row.pk), "title": row.title, "at": row.started_at.isoformat()} for row in rows]


def rate(conversation_id: uuid.UUID, message_id: uuid.UUID, value: int) -> bool:
    """Whether the answer was theirs to rate."""
    answers = Message.objects.filter(pk=message_id, conversation_id=conversation_id, role=Message.Role.ASSISTANT)
    return bool(answers.update(feedback=value))


def button(conversation_id: uuid.UUID, message_id: uuid.UUID, wanted: str) -> Button | None:
    """The button of that id under that message."""
    row = Message.objects.filter(pk=message_id, conversation_id=conversation_id).only("metadata").first()
    offered = row.metadata.get("buttons", []) if row else []
    return next((Button(**entry) for entry in offered if entry["id"] == wanted), None)


def download(conversation: Conversation) -> tuple[str, str]:
    """A name for the file, and all that was said as plain text, times in UTC."""
    lines = [f"{conversation.title or conversation.pk}", ""]
    for row in conversation.messages.order_by("seq").iterator():
        lines += [f"[{row.created_at:%Y-%m-%d %H:%M}] {row.role}:", row.text, ""]
    return f"conversation-{conversation.started_at:%Y-%m-%d}-{str(conversation.pk)[-6:]}.txt", "\n".join(lines)


def erase(conversation: Conversation) -> None:
    """Delete what was said, for good. The turns and calls stay as numbers: what they cost was spent.

    Whoever answers in it meanwhile loses the lease, so that nothing is stored afterwards.
    """
    with transaction.atomic():
        here = Conversation.objects.select_for_update().filter(pk=conversation.pk)
        list(here.values_list("pk"))
        Turn.objects.filter(conversation=conversation, finished_at=None).update(
            state=Turn.State.STOPPED, stop_requested=True, finished_at=Now(), reason="erased by the visitor"
        )
        ModelCall.objects.filter(turn__conversation=conversation).update(said=None)
        ToolCall.objects.filter(turn__conversation=conversation).delete()
        Delivery.objects.filter(message__conversation=conversation).delete()
        Message.objects.filter(conversation=conversation).delete()
        Note.objects.filter(conversation=conversation).delete()
        here.update(
            title="", metadata={}, chat_id=Concat(Value("erased:"), Value(str(conversation.pk))), lease_until=None,
            lease_token=F("lease_token") + 1, ended_at=Coalesce("ended_at", Now()), erased_at=Now(),
        )  # fmt: skip


def open_turn(conversation_id: uuid.UUID) -> bool:
    """Whether an answer is still to come."""
    return Turn.objects.filter(conversation_id=conversation_id, state__in=("queued", "running", "waiting")).exists()
