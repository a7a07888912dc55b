"""What staff see of an answer as other platforms show it."""

from channels_integrations.preview import previews
from channels_integrations.rendering.rich import rich
from channels_integrations.rendering.shown import shown


def test_styles_become_tags_and_nothing_else_does() -> None:
    text = '**bold _both_** `<b>` [text](https://e.org/?a="b) <script>alert(1)</script>'
    html = shown(rich(text))
    assert "<b>bold <i>both</i></b> <code>&lt;b&gt;</code>" in html
    assert '<u title="https://e.org/?a=%22b">text</u>' in html
    assert "&lt;script&gt;" in html and "<script" not in html


def test_each_platform_that_is_sent_messages_shows_its_own_parts() -> None:
    found = {told["label"]: told["parts"] for told in previews("# Title\n\n" + "word " * 900)}
    assert {"Telegram", "Discord", "Webhook"} <= found.keys()
    assert [len(found[label]) for label in ("Telegram", "Discord", "Webhook")] == [2, 3, 1]
    assert found["Telegram"][0].startswith("<b>Title</b>")
    assert found["Webhook"][0].startswith("# Title")
