"""A long text in parts that a platform takes: cut at paragraphs, lines, sentences, words; never inside a character."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import regex

from channels_integrations.rendering.rich import Rich

Size = Callable[[Rich], int]  # how far a text is over its limit: 0 or less fits. Never less for more of a text
CUTS = tuple(re.compile(pattern) for pattern in (r"\n\n+", r"\n", r"[.!?…][\"')\]]*\s|[。！？]", r"\s"))
FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[^\n]*$", re.MULTILINE)


def split(source: Rich, over: Size) -> list[Rich]:
    """The text's parts, each of which fits; their texts one after the other are the source's, to the character.

    A style that is cut ends with the one part and begins again with the next. At least one character a part, also where
    none fits.
    """
    parts = []
    start = 0
    while start < len(source.text):
        end = _end(source, start, over)
        parts.append(source.cut(start, end))
        start = end
    return parts


def characters(most: int) -> Size:
    """Fits while it has at most so many characters."""
    return lambda rich: len(rich.text) - most


def utf16(text: str) -> int:
    """Its length as JavaScript and Telegram count: characters beyond the first plane are two."""
    return len(text) + sum(char > "\uffff" for char in text)


def fenced(source: str, parts: Sequence[Rich]) -> list[Rich]:
    """The parts of a text in Markdown, with code fences that a cut opened closed there and opened again."""
    closed, open_fence = [], ""
    for part in parts:
        text = f"{open_fence}\n{part.text}" if open_fence else part.text
        for found in FENCE.finditer(part.text):
            mark = found[0].strip()
            open_fence = "" if open_fence and mark.startswith(open_fence[:3]) else open_fence or mark
        closed.append(Rich(f"{text.rstrip()}\n{re.match('[`~]+', open_fence)[0]}" if open_fence else text))  # type: ignore[index]
    return closed


def _end(source: Rich, start: int, over: Size) -> int:
    """Where the part that begins at `start` ends."""
    fits = _longest(source, start, over)
    if fits == len(source.text):
        return fits
    end = _pleasant(source.text, start, fits)
    while end > start + 1 and over(source.cut(start, end)) > 0:  # a style's marks are longer there
        end = max(_whole(source.text, start, end - 1), start + 1)
    return end


def _longest(source: Rich, start: int, over: Size) -> int:
    """The furthest end of a part that still fits."""
    low, high = start, len(source.text)
    if over(source.cut(start, high)) <= 0:
        return high
    reach = 64
    while start + reach < high and over(source.cut(start, start + reach)) <= 0:
        low, reach = start + reach, reach * 2
    high = min(high, start + reach)
    while high - low > 1:
        middle = (low + high) // 2
        if over(source.cut(start, middle)) <= 0:
            low = middle
        else:
            high = middle
    return max(low, start + 1)


def _pleasant(text: str, start: int, end: int) -> int:
    """The last good place for a cut in the second half, else one between two whole characters."""
    half = start + (end - start) // 2
    for cut in CUTS:
        found = [place.end() for place in cut.finditer(text, half, end)]
        if found:
            return _whole(text, start, found[-1])
    return _whole(text, start, end)


def _whole(text: str, start: int, end: int) -> int:
    """The end of the last whole character, as people see it, at or before `end`; `end` where there is none."""
    last = start
    for found in regex.finditer(r"\X", text, pos=start):
        if found.end() > end:
            break
        last = found.end()
    return last if last > start else end
