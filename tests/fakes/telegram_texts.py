"""What Telegram does to a text that a bot sends: https://core.telegram.org/bots/api#formatting-options"""

from __future__ import annotations

import re
from typing import Any

LONGEST = 4_096
MOST = 100
KINDS = {
    "bold",
    "italic",
    "underline",
    "strikethrough",
    "spoiler",
    "blockquote",
    "code",
    "pre",
    "text_link",
    "text_mention",
}
ALONE = {"code", "pre"}


class Refused(Exception):
    """A call that is answered with an error: its status and what is said."""

    def __init__(self, status: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.parameters = parameters


def units(text: str) -> int:
    """Its length as Telegram counts."""
    return len(text.encode("utf-16-le")) // 2


def checked(text: str, entities: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The entities that are kept. Raises Refused for a text that is not taken at all."""
    if not text.strip():
        raise Refused(400, "Bad Request: message text is empty")
    if units(text) > LONGEST:
        raise Refused(400, "Bad Request: message is too long")
    kept: list[dict[str, Any]] = []
    for entity in entities:
        _within(text, entity)
        if len(kept) < MOST and _may_stand(entity, kept):
            kept.append(entity)
    return kept


def found_in(text: str) -> list[dict[str, Any]]:
    """What Telegram's apps recognise in what people write: commands and mentions."""
    kinds = {"bot_command": r"(?<![\w/])/[A-Za-z0-9_]+(?:@\w+)?", "mention": r"(?<!\w)@\w{3,}"}
    return [
        {"type": kind, "offset": units(text[: place.start()]), "length": units(place[0])}
        for kind, pattern in kinds.items()
        for place in re.finditer(pattern, text)
        if kind == "bot_command" or not text[: place.start()].rsplit(" ")[-1].startswith("/")
    ]


def _within(text: str, entity: dict[str, Any]) -> None:
    start, length = entity.get("offset"), entity.get("length")
    if entity.get("type") not in KINDS or not isinstance(start, int) or not isinstance(length, int):
        raise Refused(400, "Bad Request: can't parse entities: unsupported MessageEntity")
    if start < 0 or length <= 0 or start + length > units(text):
        raise Refused(400, f"Bad Request: entity beginning at UTF-16 offset {start} ends after the end of the text")
    for edge in (start, start + length):
        try:
            text.encode("utf-16-le")[: 2 * edge].decode("utf-16-le")
        except UnicodeDecodeError:
            raise Refused(400, f"Bad Request: entity at UTF-16 offset {edge} cuts a UTF-16 symbol") from None


def _may_stand(entity: dict[str, Any], others: list[dict[str, Any]]) -> bool:
    """Whether it stands beside or within the others, and code on its own (in a quotation at most)."""
    return not any(_clash(entity, other) for other in others)


def _clash(one: dict[str, Any], other: dict[str, Any]) -> bool:
    a, b = one["offset"], one["offset"] + one["length"]
    c, d = other["offset"], other["offset"] + other["length"]
    if b <= c or d <= a:
        return False
    nested = (a <= c and d <= b) or (c <= a and b <= d)
    code = {one["type"], other["type"]} & ALONE and "blockquote" not in (one["type"], other["type"])
    return bool(code) or not nested
