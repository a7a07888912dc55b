"""A text as bare letters, for where there are no styles: links say where they lead."""

from __future__ import annotations

from channels_integrations.rendering.rich import Rich


def plain(rich: Rich) -> str:
    """The text, with each link's address behind it unless the text is its address."""
    said, place = [], 0
    for span in sorted(rich.spans, key=lambda span: span.end):
        if span.style == "link" and span.value and rich.text[span.start : span.end] != span.value:
            said.append(f"{rich.text[place : span.end]} ({span.value})")
            place = span.end
    return "".join([*said, rich.text[place:]])
