"""A text with styles as HTML for staff, who see what a platform will show: nothing of it can be pressed or run."""

from __future__ import annotations

from django.utils.html import escape

from channels_integrations.rendering.rich import Rich, Span, Style

TAGS: dict[Style, str] = {
    "bold": "b", "italic": "i", "strike": "s", "code": "code", "pre": "pre", "link": "u", "quote": "blockquote",
}  # fmt: skip


def shown(rich: Rich) -> str:
    """The text's HTML. Where a link leads is told by its title."""
    told: list[str] = []
    place = 0
    open_spans: list[Span] = []
    for at in sorted({edge for span in rich.spans for edge in (span.start, span.end)}):
        told.append(escape(rich.text[place:at]))
        place = at
        for span in reversed([span for span in open_spans if span.end == at]):
            told.append(f"</{TAGS[span.style]}>")
            open_spans.remove(span)
        for span in (span for span in rich.spans if span.start == at):
            told.append(f"<{TAGS[span.style]}{_title(span)}>")
            open_spans.append(span)
    return "".join([*told, escape(rich.text[place:])])


def _title(span: Span) -> str:
    return f' title="{escape(span.value)}"' if span.style == "link" and span.value else ""
