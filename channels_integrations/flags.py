"""Feature flags: declared in code, set in rows, read from memory. A value is a bool, an int or a text.

This is the reading side and knows no rows; the app hands it `read_with` a function that does.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Value: TypeAlias = bool | int | str
Kind: TypeAlias = Literal["bool", "int", "text"]
StoredFlags: TypeAlias = Callable[[uuid.UUID, uuid.UUID], Mapping[str, Value]]


LARGEST = 2_147_483_647
LONGEST = 200  # characters of a text
ON, OFF = ("true", "on"), ("false", "off")


@dataclass(frozen=True, slots=True)
class Flag:
    """A switch the code asks for. Its default's type is its type; a number is from `least` to `most`.

    `title`: what staff read; "" where its name says it.
    """

    name: str
    default: Value
    help: str
    least: int = 0
    most: int = LARGEST
    title: str = ""

    @property
    def kind(self) -> Kind:
        """What its values are."""
        return kind_of(self.default)

    @property
    def allowed(self) -> str:
        """Its values in words."""
        match self.kind:
            case "bool":
                return "on or off"
            case "int":
                return f"a whole number from {self.least} to {self.most:,}"
        return f"a text of at most {LONGEST} characters"

    def takes(self, value: object) -> bool:
        """Whether this may be its value."""
        if type(value) is not type(self.default):
            return False
        if isinstance(value, str):
            return len(value) <= LONGEST and "\0" not in value
        return isinstance(value, bool) or (isinstance(value, int) and self.least <= value <= self.most)

    def read(self, text: str) -> Value:
        """The value that a stored or typed text stands for. Raises ValueError, which says what is allowed."""
        try:
            value = read(self.kind, text)
        except ValueError:
            value = None
        if value is None or not self.takes(value):
            raise ValueError(f"{self.name} takes {self.allowed}.")
        return value


def kind_of(value: Value) -> Kind:
    """The kind of a value."""
    return "bool" if isinstance(value, bool) else "int" if isinstance(value, int) else "text"


def read(kind: str, text: str) -> Value:
    """A text as a value of a kind. Raises ValueError when it is none."""
    if kind == "int":
        return int(text)
    if kind == "text":
        return text
    if text.lower() not in ON + OFF:
        raise ValueError("on or off")
    return text.lower() in ON


def written(value: Value) -> str:
    """A value as its row keeps it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


KNOWN: dict[str, Flag] = {
    flag.name: flag
    for flag in (
        Flag("max_conversation_length", 100, "Most messages of a conversation that a model is shown.", least=1),
        Flag("conversation_idle", 86_400, "Seconds of silence after which a message starts a new conversation."),
        Flag("enable_commands", True, "Whether /help and the other commands are understood."),
        Flag("enable_tools", True, "Whether the bot's tools are offered to the model."),
        Flag(
            "enable_slash_commands",
            True,
            "Whether a platform's own menu lists the commands.",
            title="Commands in the platform's menu",
        ),
        Flag(
            "live_answers",
            True,
            "Whether an answer is shown while it is written, where the platform can.",
            title="Show answers while they are written",
        ),
        Flag(
            "merge_window",
            0,
            "Seconds (0-10) in which a person's quick messages become one question.",
            most=10,
            title="Wait for more of the same person (seconds)",
        ),
        Flag(
            "messages_per_minute",
            0,
            "Most messages of a person in a minute; 0: as RATE_LIMIT_PER_MINUTE says.",
            title="Messages of a person in a minute",
        ),
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
