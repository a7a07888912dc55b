"""What comes in from a platform, whichever it is: plain values, known by the platform's own ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundEvent:
    """Something a platform tells. `event_id` is the platform's own: by it a repeat is known.

    `chat_name`: as people there call it; "" where it has none of its own, or the platform does not tell.
    `answer_to`: what the platform has to be told with an answer, so that it stands where it belongs: a message's id, an
    interaction's token; "" for nothing. It comes back as `OutboundMessage.reply_to`. `raw`: "album" names the album
    that a message's medium belongs to, which is answered once.
    """

    event_id: str
    chat_id: str
    sender_id: str
    sender_name: str = ""
    chat_name: str = ""
    language: str = ""  # of the sender, as the platform tells it: "de", "pt-br"
    sent_at: datetime | None = None
    answer_to: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingMessage(InboundEvent):
    """A person wrote. `addressed`: in a group, the bot was mentioned or replied to. `attachments`: kinds of media."""

    text: str
    is_group: bool = False
    addressed: bool = True
    reply_to: str = ""
    attachments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed(InboundEvent):
    """A person pressed a button of ours. `of`: the idempotency key of the message it stands under.

    `button`: its id there. `token`: what the press is acknowledged with.
    """

    button: str
    of: str
    token: str = ""
    is_group: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoked(InboundEvent):
    """A person called a command by the platform's own means: `command` without a slash, `args` as one text."""

    command: str
    args: str = ""
    token: str = ""
    is_group: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited(InboundEvent):
    """A person changed what they wrote. It starts no turn."""

    message_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted(InboundEvent):
    """A person took back what they wrote. It starts no turn."""

    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reacted(InboundEvent):
    """A person put an emoji to a message. It starts no turn."""

    message_id: str
    emoji: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered(InboundEvent):
    """What became of a message of ours. It starts no turn."""

    message_id: str
    state: str
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipChanged(InboundEvent):
    """The bot may write there from now on, or may not. It starts no turn."""

    change: Literal["joined", "left", "blocked"]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An entry of a webhook's body that is no event: kept with its reason, while the others are worked on."""

    reason: str
