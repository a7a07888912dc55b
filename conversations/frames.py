"""Stored messages as the frames that sockets and event streams carry."""

from __future__ import annotations

from typing import Any

from channels_integrations.rendering.markdown import html
from conversations.models import Message


def message_frame(message: Message) -> dict[str, Any]:
    """A `message` frame: what is stored, and its safe HTML."""
    return {"type": "message", **message_body(message)}


def message_body(message: Message) -> dict[str, Any]:
    """The same without a type, as lists carry it."""
    from_bot = message.role == Message.Role.ASSISTANT
    return {
        "id": str(message.pk),
        "seq": message.seq,
        "turn": str(message.turn_id) if message.turn_id else None,
        "role": message.role,
        "text": message.text,
        "html": html(message.text) if from_bot else None,
        "model": message.model_used or None,
        "buttons": [{"id": b["id"], "label": b["label"]} for b in message.metadata.get("buttons", [])],
        "notice": bool(message.metadata.get("notice")),
        "stopped": bool(message.metadata.get("stopped")),
        "paused": from_bot and bool(message.metadata.get("paused")),
        "feedback": message.feedback,
        "author": message.metadata.get("author"),
        "at": message.created_at.isoformat(),
    }
