"""Feature flags: declared in code, set in rows, read from memory. A value is a bool, an int or a text.

This is the reading side and knows no rows; the app hands it `read_with` a function that does.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Value: TypeAlias = bool | int | str
StoredFlags: TypeAlias = Callable[[uuid.UUID, uuid.UUID], Mapping[str, Value]]


@dataclass(frozen=True, slots=True)
class Flag:
    """A switch the code asks for. Its default's type is its type."""

    name: str
    default: Value
    help: str


KNOWN: dict[str, Flag] = {
    flag.name: flag
    for flag in (
        Flag("max_conversation_length", 100, "Most messages of a conversation that a model is shown."),
        Flag("conversation_idle", 86_400, "Seconds of silence after which a message starts a new conversation."),
        Flag("enable_commands", True, "Whether /help and the other commands are understood."),
        Flag("enable_tools", True, "Whether the bot's tools are offered to the model."),
    )
}
_stored: StoredFlags = lambda workspace_id, channel_id: {}  # noqa: E731  replaced by read_with


def read_with(reader: StoredFlags) -> None:
    """Take set values from `reader(workspace_id, channel_id)`: channel's over workspace's."""
    global _stored
    _stored = reader


def values(workspace_id: uuid.UUID, channel_id: uuid.UUID) -> Mapping[str, Value]:
    """Every known flag's value on this channel: the channel's own, else the workspace's, else the default."""
    known = {name: flag.default for name, flag in KNOWN.items()}
    return known | dict(_stored(workspace_id, channel_id))
