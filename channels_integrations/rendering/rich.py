"""Markdown as flat text with styled stretches: what every chat platform's own formatting is made of. One parse."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

Style = Literal["bold", "italic", "strike", "code", "pre", "link", "quote"]
INLINE: dict[str, Style] = {"strong": "bold", "em": "italic", "s": "strike"}
SCHEMES = ("http", "https", "mailto")
WIDEST_TABLE = 40  # characters of a line that a phone shows unbroken in its narrow letters
RULE = "———"


@dataclass(frozen=True, slots=True)
class Span:
    """A styled stretch of a text, in characters. `value`: a link's address, a code's language."""

    start: int
    end: int
    style: Style
    value: str = ""


@dataclass(frozen=True, slots=True)
class Rich:
    """A text as a person reads it, and its styles: outer ones first, in the order of their beginning."""

    text: str
    spans: tuple[Span, ...] = ()

    def stripped(self) -> Rich:
        """Without white space at its ends, which platforms take away too: styles stay where they belong."""
        start = len(self.text) - len(self.text.lstrip())
        return self.cut(start, max(start, len(self.text.rstrip())))

    def cut(self, start: int, end: int) -> Rich:
        """The stretch as a text of its own: styles that reach beyond it end and begin at its ends."""
        inside = (span for span in self.spans if span.start < end and span.end > start)
        cut = (replace(s, start=max(s.start, start) - start, end=min(s.end, end) - start) for s in inside)
        return Rich(self.text[start:end], tuple(cut))


@dataclass(slots=True)
class _List:
    number: int | None  # of the next item; None: they have no numbers


@dataclass(slots=True)
class _Writer:
    """What is written so far. `indent`: what a new line begins with."""

    text: list[str] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    length: int = 0
    indent: str = ""
    lists: list[_List] = field(default_factory=list)
    started: list[tuple[int, int, Style, str]] = field(default_factory=list)
    wanted: int = 0  # line ends before what comes next
    fresh: bool = True  # nothing stands here yet: after a bullet, at the beginning of a quotation

    def write(self, text: str) -> None:
        """A stretch of a line, or several whole lines."""
        if text:
            self._due()
            self._add(text)

    def lines(self, most: int) -> None:
        """What comes next begins after at least this many line ends."""
        if not self.fresh:
            self.wanted = max(self.wanted, most)

    def begin(self, style: Style, value: str = "") -> None:
        self._due()
        self.started.append((self.length, len(self.spans), style, value))
        self.spans.append(Span(self.length, self.length, style, value))

    def end(self) -> None:
        start, place, style, value = self.started.pop()
        self.spans[place] = Span(start, self.length, style, value)

    def styled(self, text: str, style: Style, value: str = "") -> None:
        self.begin(style, value)
        self._add(text)
        self.end()

    def done(self) -> Rich:
        text = "".join(self.text)
        return Rich(text, tuple(span for span in self.spans if span.start < span.end))

    def _due(self) -> None:
        """The line ends that are due, before a style begins that is not to cover them."""
        if self.wanted:
            self._add("\n" * self.wanted + self.indent)
        self.wanted = 0

    def _add(self, text: str) -> None:
        self.text.append(text)
        self.length += len(text)
        self.fresh = False


_parser = MarkdownIt("commonmark", {"html": False, "linkify": True, "breaks": True})
_parser.enable(["table", "strikethrough", "linkify"]).disable("image")
_parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False})  # type: ignore[union-attr]


def rich(markdown: str) -> Rich:
    """The text's Markdown, flattened. Pictures and HTML stay the text that they were written as."""
    writer = _Writer()
    tokens = _parser.parse(markdown)
    place = 0
    while place < len(tokens):
        if tokens[place].type == "table_open":
            end = next(i for i in range(place, len(tokens)) if tokens[i].type == "table_close")
            _table(writer, tokens[place:end])
            place = end
        else:
            _block(writer, tokens[place])
        place += 1
    return writer.done()


def _block(writer: _Writer, token: Token) -> None:
    if token.type == "inline":
        _inline(writer, token.children or [])
    elif token.type in ("fence", "code_block"):
        _code(writer, token)
    elif token.type == "hr":
        writer.lines(2)
        writer.write(RULE)
    elif "list" in token.type:
        _list_token(writer, token)
    else:
        _paragraph(writer, token)


def _paragraph(writer: _Writer, token: Token) -> None:
    match token.type:
        case "paragraph_open":
            writer.lines(1 if token.hidden else 2)
        case "heading_open":
            writer.lines(2)
            writer.begin("bold")
        case "blockquote_open":
            writer.lines(2)
            writer.begin("quote")
            writer.fresh = True
        case "heading_close" | "blockquote_close":
            writer.end()
            writer.lines(2)


def _code(writer: _Writer, token: Token) -> None:
    language = (token.info.split() or [""])[0]
    writer.lines(2)
    writer.styled(token.content.rstrip("\n") or " ", "pre", language)
    writer.lines(2)


def _list_token(writer: _Writer, token: Token) -> None:
    match token.type:
        case "list_item_open":
            _item(writer)
        case "list_item_close":
            writer.indent = writer.indent[:-3]
        case "bullet_list_open" | "ordered_list_open":
            _list(writer, token)
        case _:
            writer.lists.pop()
            writer.lines(1 if writer.lists else 2)


def _list(writer: _Writer, token: Token) -> None:
    writer.lines(1 if writer.lists else 2)
    writer.lists.append(_List(int(token.attrGet("start") or 1) if token.type == "ordered_list_open" else None))


def _item(writer: _Writer) -> None:
    here = writer.lists[-1]
    writer.lines(1)
    writer.write("• " if here.number is None else f"{here.number}. ")
    here.number = None if here.number is None else here.number + 1
    writer.indent += "   "
    writer.fresh = True


def _inline(writer: _Writer, tokens: list[Token]) -> None:
    for token in tokens:
        kind = token.type.removesuffix("_open").removesuffix("_close")
        if kind in INLINE or kind == "link":
            _style(writer, token, kind)
        elif token.type == "code_inline":
            writer.styled(token.content, "code")
        elif token.type in ("softbreak", "hardbreak"):
            writer.lines(1)
        else:
            writer.write(token.content)


def _style(writer: _Writer, token: Token, kind: str) -> None:
    if token.nesting < 0:
        writer.end()
    elif kind == "link":
        writer.begin("link", _safe(str(token.attrGet("href") or "")))
    else:
        writer.begin(INLINE[kind])


def _safe(address: str) -> str:
    """The address, or "" for a scheme that is no link: its text is then shown as it is."""
    try:
        return address if urlsplit(address).scheme.lower() in SCHEMES else ""
    except ValueError:
        return ""


def _table(writer: _Writer, tokens: list[Token]) -> None:
    """Narrow ones as columns, wide ones a row at a time: "column: value"."""
    rows: list[list[str]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append("".join(child.content for child in token.children or []))
    writer.lines(2)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if sum(widths) + 2 * len(widths) <= WIDEST_TABLE:
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        writer.styled("\n".join(lines), "pre")
    else:
        _rows(writer, rows)
    writer.lines(2)


def _rows(writer: _Writer, rows: list[list[str]]) -> None:
    head, *body = rows
    for row in body or [head]:
        writer.lines(2 if len(head) > 2 else 1)
        writer.write("• ")
        for number, (name, cell) in enumerate(zip(head, row, strict=True)):
            if number:
                writer.write("\n  ")
            if name:
                writer.styled(f"{name}: ", "bold")
            writer.write(cell)
