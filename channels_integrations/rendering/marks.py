"""A text as Discord takes it: its own Markdown, with everything that is not meant as a mark made inert.

https://support.discord.com/hc/en-us/articles/210298617
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from channels_integrations.rendering.rich import Rich, Span, Style
from channels_integrations.rendering.split import Size

LONGEST = 2_000  # characters of a message
MARKS: dict[Style, str] = {"bold": "**", "italic": "*", "strike": "~~"}
SPECIAL = re.compile(r"([\\*_~`|\[\]]|<(?=[@#:/a-z]))|^(\s*)([>#]|-#|[-+] )", re.MULTILINE)
BREAK = "\u200b"  # seen by nobody; keeps apart what would be read as a mark


def marked(rich: Rich) -> str:
    """The text in Discord's Markdown."""
    written = "".join(_written(rich))
    return _quoted(written) if any(span.style == "quote" for span in rich.spans) else written


def over(most: int = LONGEST) -> Size:
    """For `split`: fits while what goes out has at most so many characters."""
    return lambda rich: len(marked(rich)) - most


QUOTE, UNQUOTE = "\ue000", "\ue001"  # stand for a quotation's ends until its lines are known


def _written(rich: Rich) -> Iterator[str]:
    """The text's stretches between the ends of its styles, each as it is written there."""
    open_spans: list[Span] = []
    place = 0
    for at, ends, begins in _edges(rich):
        yield _stretch(rich.text[place:at], open_spans)
        place = at
        for span in reversed([span for span in open_spans if span in ends]):
            yield _close(span, rich)
            open_spans.remove(span)
        for span in begins:
            yield _open(span, rich, open_spans)
            open_spans.append(span)
    yield _stretch(rich.text[place:], [])


def _edges(rich: Rich) -> list[tuple[int, list[Span], list[Span]]]:
    """Places where styles end and begin, in order."""
    found: dict[int, tuple[list[Span], list[Span]]] = {}
    for span in rich.spans:
        found.setdefault(span.end, ([], []))[0].append(span)
        found.setdefault(span.start, ([], []))[1].append(span)
    return [(at, *found[at]) for at in sorted(found)]


def _open(span: Span, rich: Rich, around: list[Span]) -> str:
    if any(outer.style in ("pre", "code") for outer in around):
        return ""
    match span.style:
        case "pre":
            return f"```{re.sub(r'[^a-zA-Z0-9+#_-]', '', span.value)}\n"
        case "code":
            return "``" if "`" in rich.text[span.start : span.end] else "`"
        case "quote":
            return QUOTE
        case "link":
            return "[" if _hides(span, rich) else ""
    return MARKS[span.style]


def _close(span: Span, rich: Rich) -> str:
    match span.style:
        case "pre":
            return "\n```"
        case "code":
            return "``" if "`" in rich.text[span.start : span.end] else "`"
        case "quote":
            return UNQUOTE
        case "link":
            return f"](<{span.value.replace('>', '%3E').replace(' ', '%20')}>)" if _hides(span, rich) else ""
    return MARKS[span.style]


def _hides(link: Span, rich: Rich) -> bool:
    """Whether the link's text is not its address. One that merely looks like an address is no link there."""
    said = rich.text[link.start : link.end]
    return bool(link.value) and said != link.value and "://" not in said


def _stretch(text: str, styles: list[Span]) -> str:
    kinds = {span.style: span for span in styles}
    if "pre" in kinds:
        return text.replace("```", f"`{BREAK}`{BREAK}`")
    if "code" in kinds:
        return text.replace("``", f"`{BREAK}`") if "`" in text else text
    if "link" in kinds and kinds["link"].value == text:
        return text
    text = text.replace(QUOTE, "").replace(UNQUOTE, "")
    return SPECIAL.sub(lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\{found[3]}", text)


def _quoted(text: str) -> str:
    """With "> " before each line of a quotation; one in a quotation is part of it."""
    lines, depth = [], 0
    for line in text.split("\n"):
        inside = depth > 0 or QUOTE in line
        depth += line.count(QUOTE) - line.count(UNQUOTE)
        bare = line.replace(QUOTE, "").replace(UNQUOTE, "")
        lines.append(f"> {bare}" if inside else bare)
    return "\n".join(lines)
