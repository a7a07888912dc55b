"""A text as Telegram takes it: the bare text, and its styles as entities, counted in UTF-16 units.

https://core.telegram.org/bots/api#messageentity
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from channels_integrations.rendering.rich import Rich, Span, Style
from channels_integrations.rendering.split import Size, utf16

LONGEST = 4_096  # UTF-16 units of a text, "after entities parsing"
MOST = 100  # entities of a message; what is beyond is left out there without a word
KINDS: dict[Style, str] = {
    "bold": "bold", "italic": "italic", "strike": "strikethrough", "code": "code", "pre": "pre", "link": "text_link",
    "quote": "blockquote",
}  # fmt: skip
ALONE: tuple[Style, ...] = ("code", "pre")  # hold no other entity, and stand in none but a quotation


@dataclass(frozen=True, slots=True)
class Entity:
    """`offset` and `length` in UTF-16 units. `value`: a link's address, a code's language."""

    type: str
    offset: int
    length: int
    value: str = ""


def entities(rich: Rich) -> list[Entity]:
    """The text's styles, as far as they may stand beside each other there."""
    spans = _allowed(rich)
    places = _units(rich.text) if any(char > "\uffff" for char in rich.text) else None
    found = []
    for span in spans:
        start, end = (places[span.start], places[span.end]) if places else (span.start, span.end)
        found.append(Entity(KINDS[span.style], start, end - start, span.value))
    return found


def over(most: int = LONGEST) -> Size:
    """For `split`: fits while it has at most so many units and MOST entities."""
    return lambda rich: max(utf16(rich.text) - most, _count(rich) - MOST if rich.spans else 0)


def _count(rich: Rich) -> int:
    """How many entities; of very many styles without looking at each."""
    return len(rich.spans) if len(rich.spans) > MOST * 4 else len(_allowed(rich))


def _allowed(rich: Rich) -> list[Span]:
    links = [span for span in rich.spans if span.style == "link" and span.value]
    alone = [span for span in rich.spans if span.style in ALONE and not _meets(span, links)]
    quotes = _outermost([span for span in rich.spans if span.style == "quote"])
    others = [span for span in rich.spans if span.style not in (*ALONE, "link", "quote")]
    shown = [link for link in links if rich.text[link.start : link.end] != link.value]
    left = [piece for span in (*others, *shown) for piece in _around(span, alone)]
    return sorted([*quotes, *alone, *left], key=lambda span: (span.start, -span.end))


def _meets(span: Span, others: list[Span]) -> bool:
    return any(span.start < other.end and other.start < span.end for other in others)


def _outermost(spans: list[Span]) -> list[Span]:
    """Quotations in a quotation are part of it."""
    found: list[Span] = []
    for span in spans:
        if not _meets(span, found):
            found.append(span)
    return found


def _around(span: Span, holes: list[Span]) -> Iterator[Span]:
    """What is left of a style outside of these."""
    start = span.start
    for hole in holes:
        if start < hole.end and hole.start < span.end:
            if start < hole.start:
                yield replace(span, start=start, end=hole.start)
            start = hole.end
    if start < span.end:
        yield replace(span, start=start)


def _units(text: str) -> list[int]:
    """Where each character begins, in UTF-16 units; one more for the end."""
    places, place = [], 0
    for char in text:
        places.append(place)
        place += 2 if char > "\uffff" else 1
    return [*places, place]
