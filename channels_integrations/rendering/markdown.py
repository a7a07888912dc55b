"""Markdown as safe HTML for our own pages. One parse, one place."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

TAGS = {
    "p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a", "span",
    "h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip


def _show_hosts(state: StateCore) -> None:
    """After a link whose text hides where it leads, its host."""
    for token in state.tokens:
        if token.type == "inline" and token.children:
            token.children = _with_hosts(token.children)


def _with_hosts(children: list[Token]) -> list[Token]:
    shown: list[Token] = []
    host, said = "", ""
    for token in children:
        shown.append(token)
        if token.type == "link_open":
            host, said = _host(str(token.attrGet("href") or "")), ""
        elif token.type == "link_close":
            if host and not _says(said, host):
                shown.append(Token("html_inline", "", 0, content=f' <span class="host">({escapeHtml(host)})</span>'))
            host = ""
        elif host:
            said += token.content
    return shown


def _says(text: str, host: str) -> bool:
    """Whether the link's text is an address of this very host, or its name, and nothing else."""
    said = text.strip().lower()
    plain = f"https://{said}" if "://" not in said else said
    return "@" not in said and not said.split()[1:] and _host(plain) == host


def _host(href: str) -> str:
    try:
        return urlsplit(href).hostname or ""
    except ValueError:
        return ""


_parser = MarkdownIt("commonmark", {"html": False, "linkify": True, "breaks": True})
_parser.enable(["table", "strikethrough", "linkify"]).disable("image")
_parser.core.ruler.push("show_hosts", _show_hosts)
_parser.linkify.set({"fuzzy_link": False, "fuzzy_email": False})  # type: ignore[union-attr]


@lru_cache(maxsize=4_096)
def html(text: str) -> str:
    """The text's Markdown as HTML of known tags: no script, no image, no foreign scheme; links open apart."""
    return nh3.clean(
        _parser.render(text),
        tags=TAGS,
        attributes={"a": {"href"}, "code": {"class"}, "ol": {"start"}, "th": set(), "td": set()},
        allowed_classes={"span": {"host"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
