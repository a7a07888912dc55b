"""Markdown as HTML that is safe to show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_integrations.rendering.markdown import html


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("**a** `b`", "<p><strong>a</strong> <code>b</code></p>"),
        ("one\ntwo", "<p>one<br>\ntwo</p>"),
        ("```py\nx < 1\n```", '<pre><code class="language-py">x &lt; 1\n</code></pre>'),
        ("1. a\n2. b", "<ol>\n<li>a</li>\n<li>b</li>\n</ol>"),
        ("| a |\n|---|\n| 1 |", "<th>a</th>"),
        ("![a cat](https://cats.example/1.png)", "<p>!<a"),  # a picture would tell its host who reads
        ("<b>bold</b>", "<p>&lt;b&gt;bold&lt;/b&gt;</p>"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert shown in html(text)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("[our shop](https://shop.example/a?b=c)", "(shop.example)"),
        ("[shop.example](https://evil.example/)", "(evil.example)"),
        ("[pay](https://xn--pypal-4ve.com/)", "(xn--pypal-4ve.com)"),
        ("[x](https://user@evil.example:8443/)", "(evil.example)"),
        ("[www.paypal.com](https://pal.com/login)", "(pal.com)"),
        ("[bank.example](https://k.example)", "(k.example)"),
        ("[https://bank.example/evil.example](https://evil.example/x)", "(evil.example)"),
        ("https://bank.example@evil.example/", "(evil.example)"),
        ("[shop.example and evil.example](https://evil.example)", "(evil.example)"),
    ],
)
def test_a_link_shows_where_it_leads(text: str, host: str) -> None:
    assert f'<span class="host">{host}</span>' in html(text)


@pytest.mark.parametrize(
    "text", ["https://shop.example/a", "[shop.example](https://shop.example)", "[a](mailto:a@b.example)"]
)
def test_a_link_that_shows_its_host_already_is_left_alone(text: str) -> None:
    assert "<a " in html(text)
    assert "host" not in html(text)


def test_addresses_become_links_that_open_apart() -> None:
    assert html("see https://shop.example/x.") == (
        '<p>see <a href="https://shop.example/x" target="_blank" rel="noopener noreferrer nofollow">'
        "https://shop.example/x</a>.</p>\n"
    )
    assert "<a" not in html("see shop.example or a@b.example")


@pytest.mark.parametrize("scheme", ["javascript", "data", "vbscript", "file", "JaVaScRiPt"])
def test_foreign_schemes_are_no_links(scheme: str) -> None:
    assert "href" not in html(f"[x]({scheme}:alert(1))")


@given(st.text(alphabet=st.sampled_from("<>\"'`[]()!*_#|\\\n =/:;&ascriptonerrhefxl"), max_size=80))
def test_whatever_is_said_holds_no_script_and_no_handler(text: str) -> None:
    shown = html(text).lower()
    assert "<script" not in shown
    assert "<img" not in shown
    assert 'href="javascript' not in shown
