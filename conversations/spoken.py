"""Events that mean to say something to the bot, as the message they mean: a press, a command, a text."""

from __future__ import annotations

import uuid

from channels_integrations.base import InboundEvent, IncomingMessage, Invoked, Pressed
from conversations.models import Delivery

FIELDS = (
    "event_id", "chat_id", "chat_name", "sender_id", "sender_name", "language", "sent_at", "answer_to", "is_group",
)  # fmt: skip


def message_of(channel_id: uuid.UUID, event: InboundEvent) -> IncomingMessage | None:
    """What the event says; None for one that says nothing: an edit, a reaction, a button that is not ours."""
    match event:
        case IncomingMessage():
            return event
        case Invoked():
            return _said(event, f"/{event.command} {event.args}".strip())
        case Pressed():
            value = _value(channel_id, event)
            return _said(event, value) if value else None
    return None


def _said(event: Pressed | Invoked, text: str) -> IncomingMessage:
    told = {name: getattr(event, name) for name in FIELDS}
    return IncomingMessage(text=text, raw={"invoked": True}, **told)


def _value(channel_id: uuid.UUID, press: Pressed) -> str:
    """What the pressed button stands for; "" for one that we did not send there."""
    try:
        of = uuid.UUID(press.of)
    except ValueError:
        return ""
    sent = Delivery.objects.filter(
        pk=of, message__channel_id=channel_id, message__conversation__chat_id=press.chat_id
    )  # fmt: skip
    buttons = (sent.values_list("payload", flat=True).first() or {}).get("buttons", ())
    return next((str(button["value"]) for button in buttons if button["id"] == press.button), "")
