"""An update as events of ours: who wrote what where. Pure, and total: any JSON gives events, or a reason."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from channels_integrations.base import (
    Edited,
    InboundEvent,
    IncomingMessage,
    MembershipChanged,
    Pressed,
    Reacted,
    Unreadable,
)
from channels_integrations.platforms.telegram import addressing
from channels_integrations.platforms.telegram.addressing import Us
from channels_integrations.platforms.telegram.config import Config
from channels_integrations.platforms.telegram.updates import (
    MembershipChange,
    Message,
    Press,
    Reaction,
    User,
)

# In the order in which they count: an animation is a document too, a venue a location.
MEDIA = (
    "animation", "audio", "photo", "video", "video_note", "voice", "document", "paid_media", "story", "checklist",
    "contact", "venue", "location", "poll",
)  # fmt: skip
HEX = 32  # letters of a UUID without its dashes


def read(body: bytes, config: Config, us: Us) -> list[InboundEvent | Unreadable]:
    """The update's events; none where it says nothing to us. Raises ValueError for what is no JSON object."""
    try:
        update = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("the body is no JSON") from None
    if not isinstance(update, dict):
        raise ValueError("the body is no JSON object")
    try:
        return [event for kind, make in MAKERS.items() if kind in update for event in make(update[kind], config, us)]
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        return [Unreadable(f"{'.'.join(map(str, first['loc']))}: {first['msg']}")]


def for_us(event: InboundEvent | Unreadable) -> bool:
    """Whether somebody is to act on it, or to look at it."""
    return not isinstance(event, IncomingMessage) or not event.is_group or event.addressed


def pressed_data(key: str, button: str) -> str:
    """What a button carries, 64 bytes at most: its message's key without dashes, and its own id."""
    with suppress(ValueError):
        key = uuid.UUID(key).hex
    return f"{key}:{button}"


def _message(told: Any, config: Config, us: Us) -> list[InboundEvent]:
    message = Message.model_validate(told)
    media = tuple(kind for kind in MEDIA if told.get(kind))[:1]
    sender = _person(message.sender, us)
    silent = message.chat.type == "channel" or message.is_automatic_forward or not (message.text or media)
    if sender is None or silent or (message.chat.is_group and config.in_groups == "never"):
        return []
    text, addressed = _said(message, config, us)
    replied = message.reply_to_message
    return [
        IncomingMessage(
            event_id=f"{message.chat.id}:{message.message_id}",
            **_whence(message.chat_id, sender, message.date),
            chat_name=message.chat.title,
            answer_to=str(message.message_id) if message.chat.is_group else "",
            text=text,
            is_group=message.chat.is_group,
            addressed=addressed,
            reply_to=str(replied.message_id) if replied and not replied.is_topic else "",
            attachments=media,
            raw={"album": message.media_group_id} if message.media_group_id else {},
        )
    ]


def _edited(told: Any, config: Config, us: Us) -> list[InboundEvent]:
    message = Message.model_validate(told)
    sender = _person(message.sender, us)
    text, addressed = _said(message, config, us)
    silent = message.chat.type == "channel" or (message.chat.is_group and config.in_groups == "never")
    if sender is None or silent or not text or not addressed:
        return []
    return [
        Edited(
            event_id=f"edit:{message.chat.id}:{message.message_id}:{message.edit_date}",
            **_whence(message.chat_id, sender, message.edit_date),
            message_id=str(message.message_id),
            text=text,
        )
    ]


def _pressed(told: Any, _config: Config, us: Us) -> list[InboundEvent]:
    press = Press.model_validate(told)
    sender = _person(press.sender, us)
    key, colon, button = (press.data or "").partition(":")
    if sender is None or press.message is None or not colon:
        return []
    under, is_group = press.message, press.message.chat.is_group
    return [
        Pressed(
            event_id=f"press:{press.id}",
            **_whence(under.chat_id, sender),
            answer_to=str(under.message_id) if is_group else "",
            button=button,
            of=_dashed(key),
            token=press.id,
            is_group=is_group,
        )
    ]


def _membership(told: Any, _config: Config, _us: Us) -> list[InboundEvent]:
    change = MembershipChange.model_validate(told)
    if change.chat.type == "channel":
        return []
    now = change.new_chat_member
    may_write = now.status in ("creator", "administrator", "member") or (
        now.status == "restricted" and now.is_member and now.can_send_messages
    )
    return [
        MembershipChanged(
            event_id=f"member:{change.chat.id}:{change.date}:{now.status}",
            **_whence(str(change.chat.id), change.sender, change.date),
            change="joined" if may_write else "left" if change.chat.is_group else "blocked",
        )
    ]


def _reaction(told: Any, _config: Config, us: Us) -> list[InboundEvent]:
    reaction = Reaction.model_validate(told)
    sender = _person(reaction.user, us)
    emoji = next((one.emoji for one in reaction.new_reaction if one.type == "emoji" and one.emoji), "")
    if sender is None or not emoji or reaction.chat.type == "channel":
        return []
    return [
        Reacted(
            event_id=f"reaction:{reaction.chat.id}:{reaction.message_id}:{sender.id}:{reaction.date}",
            **_whence(str(reaction.chat.id), sender, reaction.date),
            message_id=str(reaction.message_id),
            emoji=emoji,
        )
    ]


def _said(message: Message, config: Config, us: Us) -> tuple[str, bool]:
    """What the message says to us, and whether it is meant for us."""
    if not message.chat.is_group:
        return addressing.without_name(addressing.written(message)[0]), True
    text, addressed = addressing.heard(message, us)
    return text, addressed or (config.in_groups == "all" and not addressing.is_command_to_another(text, us))


def _person(user: User | None, us: Us) -> User | None:
    """Nobody where a bot, or a channel in a bot's name, wrote."""
    return None if user is None or user.is_bot or user.id == us.id else user


def _whence(chat_id: str, sender: User, date: int = 0) -> dict[str, Any]:
    return {
        "chat_id": chat_id,
        "sender_id": str(sender.id),
        "sender_name": sender.name,
        "language": sender.language_code[:35],
        "sent_at": datetime.fromtimestamp(date, UTC) if date else None,
    }


def _dashed(key: str) -> str:
    try:
        return str(uuid.UUID(hex=key)) if len(key) == HEX else key
    except ValueError:
        return key


MAKERS: dict[str, Callable[[Any, Config, Us], list[InboundEvent]]] = {
    "message": _message,
    "edited_message": _edited,
    "callback_query": _pressed,
    "my_chat_member": _membership,
    "message_reaction": _reaction,
}
