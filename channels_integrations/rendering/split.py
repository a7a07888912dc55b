"""A long text in parts that a platform takes: cut at paragraphs, lines, sentences, words; never inside a character."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Literal

Unit = Literal["characters", "utf16"]
SEPARATORS = ("\n\n", "\n", ". ", " ")
JOINER = "\u200d"


def split(text: str, most: int, unit: Unit = "characters") -> list[str]:
    """The text's parts, none longer than `most`; one after the other they are the text, but for space at the cuts.

    `most` 0: no limit.
    """
    length = LENGTHS[unit]
    parts = []
    rest = text.strip()
    while most and length(rest) > most:
        cut = _cut(rest, _longest(rest, most, length))
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [part for part in (*parts, rest) if part]


def utf16(text: str) -> int:
    """Its length as JavaScript and Telegram count: characters beyond the first plane are two."""
    return len(text) + sum(char > "\uffff" for char in text)


LENGTHS: dict[Unit, Callable[[str], int]] = {"characters": len, "utf16": utf16}


def _longest(text: str, most: int, length: Callable[[str], int]) -> int:
    """How many characters of the beginning fit."""
    end = most
    while length(text[:end]) > most:
        end -= max(1, (length(text[:end]) - most) // 2)
    return end


def _cut(text: str, end: int) -> int:
    """Where to cut at or before `end`: the last separator in the second half, else between two whole characters."""
    for separator in SEPARATORS:
        found = text.rfind(separator, end // 2, end)
        if found > 0:
            return found + len(separator)
    start = end
    while 0 < start < len(text) and _joined(text[start - 1], text[start]):
        start -= 1
    return start or end


def _joined(before: str, after: str) -> bool:
    """Whether two code points are parts of one character: marks, joiners, skin tones, the two halves of a flag."""
    if JOINER in (before, after) or unicodedata.category(after) in ("Mn", "Me", "Mc"):
        return True
    return "\U0001f3fb" <= after <= "\U0001f3ff" or all("\U0001f1e6" <= c <= "\U0001f1ff" for c in (before, after))
