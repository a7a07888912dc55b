"""A test message: asked for on a channel's page, sent by the app that has the outbox, which registers itself here."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What became of it. `reason`: the platform's, or ours, in its own words; "" where there is none.

    `refused`: it was never put in the outbox; `waiting`: a fault that may pass, it is tried again for a moment.
    """

    state: Literal["sent", "refused", "failed", "waiting", "unknown"]
    reason: str = ""


Sender: TypeAlias = Callable[[uuid.UUID, str, str, Any], Told]
_sender: Sender = lambda channel_id, chat_id, text, user: Told(state="refused")  # noqa: E731  replaced by send_with


def send_with(sender: Sender) -> None:
    """Test messages go out through `sender(channel_id, chat_id, text, user)`."""
    global _sender
    _sender = sender


def send(channel_id: uuid.UUID, chat_id: str, text: str, user: Any) -> Told:
    """What became of the message to this chat. It waits for the platform: never call it within a transaction."""
    return _sender(channel_id, chat_id, text, user)
