"""A test message: asked for on a channel's page, sent by the app that has the outbox, which registers itself here.

That app also knows the chats it may go to.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What became of it. `reason`: the platform's, or ours, in its own words; "" where there is none.

    `refused`: it was never put in the outbox; `waiting`: a fault that may pass, it is tried again for a moment.
    """

    state: Literal["sent", "refused", "failed", "waiting", "unknown"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Chat:
    """Where somebody wrote lately: the platform's id, and what staff know it by."""

    chat_id: str
    label: str


Sender: TypeAlias = Callable[[uuid.UUID, str, str, Any], Told]
_sender: Sender = lambda channel_id, chat_id, text, user: Told(state="refused")  # noqa: E731  replaced by send_with

Finder: TypeAlias = Callable[[uuid.UUID, Any], Sequence[Chat]]
_finder: Finder = lambda channel_id, user: ()  # noqa: E731  replaced by find_with


def find_with(finder: Finder) -> None:
    """A channel's chats are told by `finder(channel_id, user)`."""
    global _finder
    _finder = finder


def chats(channel_id: uuid.UUID, user: Any) -> Sequence[Chat]:
    """Where somebody wrote lately, as far as this member of staff may read it; the newest first."""
    return _finder(channel_id, user)


def send_with(sender: Sender) -> None:
    """Test messages go out through `sender(channel_id, chat_id, text, user)`."""
    global _sender
    _sender = sender


def send(channel_id: uuid.UUID, chat_id: str, text: str, user: Any) -> Told:
    """What became of the message to this chat. It waits for the platform: never call it within a transaction."""
    return _sender(channel_id, chat_id, text, user)
