"""A long text in parts that a platform takes: cut at paragraphs, lines, sentences, words; never inside a character."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence

import regex

from channels_integrations.rendering.rich import Rich, Span

Size = Callable[[Rich], int]  # how far a text is over its limit: 0 or less fits. Never less for more of a text
CUTS = tuple(re.compile(pattern) for pattern in (r"\n\n+", r"\n", r"[.!?…][\"')\]]*\s|[。！？]", r"\s"))
FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})[^\n]*$", re.MULTILINE)


def split(source: Rich, over: Size) -> list[Rich]:
    """The text's parts, each of which fits; their texts one after the other are the source's, to the character.

    A style that is cut ends with the one part and begins again with the next. At least one character a part, also where
    none fits.
    """
    parts = []
    rest = _Rest(source)
    while rest.start < len(source.text):
        end = _end(rest, over)
        parts.append(rest.cut(end))
        rest.go_on(end)
    return parts


class _Rest:
    """What is still to be cut from `start` on. Styles are looked at where they are, not all of them each time."""

    def __init__(self, source: Rich) -> None:
        self.text = source.text
        self.start = 0
        self._spans = sorted(source.spans, key=lambda span: span.start)  # outer ones stay before inner ones
        self._starts = [span.start for span in self._spans]
        self._around: list[Span] = []  # begun before `start`, not ended there

    def cut(self, end: int) -> Rich:
        """The stretch from `start` to there."""
        first, last = bisect_left(self._starts, self.start), bisect_left(self._starts, end)
        return Rich(self.text, (*self._around, *self._spans[first:last])).cut(self.start, end)

    def go_on(self, start: int) -> None:
        """What comes before `start` is cut."""
        first, last = bisect_left(self._starts, self.start), bisect_left(self._starts, start)
        self._around = [span for span in (*self._around, *self._spans[first:last]) if span.end > start]
        self.start = start


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


def _end(rest: _Rest, over: Size) -> int:
    """Where the part that begins now ends."""
    fits = _longest(rest, over)
    if fits == len(rest.text):
        return fits
    end = _pleasant(rest.text, rest.start, fits)
    while end > rest.start + 1 and over(rest.cut(end)) > 0:  # a style's marks are longer there
        end = max(_whole(rest.text, rest.start, end - 1), rest.start + 1)
    return end


def _longest(rest: _Rest, over: Size) -> int:
    """The furthest end of a part that still fits: looked for by leaps, then between the last two."""
    low, reach = rest.start, 256
    while (high := min(rest.start + reach, len(rest.text))) > low and over(rest.cut(high)) <= 0:
        low, reach = high, reach * 2
    if low == len(rest.text):
        return low
    while high - low > 1:
        middle = (low + high) // 2
        if over(rest.cut(middle)) <= 0:
            low = middle
        else:
            high = middle
    return max(low, rest.start + 1)


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
