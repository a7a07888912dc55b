"""The same Markdown on each platform: its styles, and nothing that a text could do beyond them."""

import pytest

from channels_integrations.rendering.entities import Entity, entities
from channels_integrations.rendering.marks import marked
from channels_integrations.rendering.plain import plain
from channels_integrations.rendering.rich import rich

TABLE = "| Name | Age |\n|---|---|\n| Ada | 36 |\n| Bob | 7 |"
WIDE = "| Product | Description |\n|---|---|\n| Tea | Green leaves from a hill far away, dried in the sun |"


def test_telegram_reads_bare_text_and_entities_in_utf16_units() -> None:
    text = rich("👋 **bold** and `code`")
    assert text.text == "👋 bold and code"
    assert entities(text) == [Entity("bold", 3, 4), Entity("code", 12, 4)]


def test_code_stands_alone_among_entities() -> None:
    assert entities(rich("**a `b` c**")) == [Entity("bold", 0, 2), Entity("code", 2, 1), Entity("bold", 3, 2)]
    assert entities(rich("[`b`](https://e.org)")) == [Entity("text_link", 0, 1, "https://e.org")]
    assert entities(rich("> a\n> > b")) == [Entity("blockquote", 0, 4)]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("**b** *i* ~~s~~ `c`", "**b** *i* ~~s~~ `c`"),
        ("# Title", "**Title**"),
        ("- a\n- b\n  - c", "• a\n• b\n   • c"),
        ("> said\n> so", "> said\n> so"),
        ("snake_case 2 * 3 * 4", "snake\\_case 2 \\* 3 \\* 4"),
        ("||spoiler||", "\\|\\|spoiler\\|\\|"),
        ("<@&123> <#5> <:e:1>", "\\<@&123> \\<#5> \\<:e:1>"),
        ("[text](https://e.org/a_b)", "[text](<https://e.org/a_b>)"),
        ("https://e.org/a_b", "https://e.org/a_b"),
        ("[https://good.org](https://bad.org)", "https://good.org"),
        ("`` a`b ``", "``a`b``"),
        ("-# small", "\\-# small"),
    ],
)
def test_discord_reads_its_own_markdown(source: str, shown: str) -> None:
    assert marked(rich(source)) == shown


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "tg://x"]
)
def test_only_addresses_of_the_web_and_of_mail_are_links(address: str) -> None:
    text = rich(f"[press]({address}) and <{address}>")
    assert not any(entity.type == "text_link" for entity in entities(text))
    assert "](" not in marked(text).replace("\\](", "")


def test_pictures_and_html_are_the_text_they_were_written_as() -> None:
    text = rich("![x](https://e.org/pixel.png) <img src=x> <script>alert(1)</script>")
    assert "<img src=x> <script>alert(1)</script>" in text.text


def test_narrow_tables_stand_in_columns_and_wide_ones_a_row_at_a_time() -> None:
    assert rich(TABLE).text == "Name  Age\nAda   36\nBob   7"
    assert [span.style for span in rich(TABLE).spans] == ["pre"]
    assert rich(WIDE).text == "• Product: Tea\n  Description: Green leaves from a hill far away, dried in the sun"


def test_plain_text_says_where_links_lead() -> None:
    assert plain(rich("[Tea](https://e.org) and https://e.org")) == "Tea (https://e.org) and https://e.org"
