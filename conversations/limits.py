"""What is too much: lengths, rates, and text that no store takes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

LONGEST_TEXT = 8_000  # characters of a message
LONGEST_FRAME = 64 * 1024  # bytes of a websocket frame


@dataclass(frozen=True, slots=True)
class BadText(Exception):
    """A text that is refused: `code` for programs, `reason` for people."""

    code: str
    reason: str


def clean_text(text: object) -> str:
    """The text of a message. Raises BadText when it is none, empty, too long, or holds what no store takes."""
    if not isinstance(text, str):
        raise BadText("bad_frame", "The text must be a string.")
    if not text.strip():
        raise BadText("empty", _("There is nothing in this message."))
    if len(text) > LONGEST_TEXT:
        told = _("A message may have %(most)d characters; this one has %(length)d.")
        raise BadText("too_long", told % {"most": LONGEST_TEXT, "length": len(text)})
    if not storable(text):
        raise BadText("invalid_text", _("This text has characters that cannot be stored."))
    return text


def storable(text: str) -> bool:
    """Whether every store takes it: no NUL, no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


@dataclass(slots=True)
class Bucket:
    """`rate` a second, `burst` at once."""

    rate: float = 1.0
    burst: float = 5.0
    level: float = field(init=False)
    at: float = field(init=False, default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.level = self.burst

    def wait(self) -> float:
        """0 and one taken, or the seconds until there is one."""
        now = time.monotonic()
        self.level = min(self.burst, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level >= 1:
            self.level -= 1
            return 0.0
        return (1 - self.level) / self.rate
