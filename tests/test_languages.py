"""What visitors read is there in every language that we offer."""

from __future__ import annotations

import gettext
import re
import subprocess
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation

from conversations import chat_page
from conversations.commands.base import commands

ROOT = Path(__file__).resolve().parent.parent
OTHERS = [code for code, _name in settings.LANGUAGES if code != "en"]
STAFF = (
    "conversations/admin", "conversations/models", "conversations/migrations", "templates/admin", "templates/analytics",
    "templates/unfold",
)  # fmt: skip  # staff read English, and Django's own translations
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[sd]")


def catalog(language: str) -> dict[str, str]:
    """The compiled texts."""
    with (ROOT / "locale" / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        found: dict[str, str] = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    return {text: said for text, said in found.items() if text}


def written(language: str) -> dict[str, str]:
    """The texts as translators wrote them; every entry stands on one line."""
    text = (ROOT / "locale" / language / "LC_MESSAGES" / "django.po").read_text()
    pairs = re.findall(r'^msgid "(.+)"\nmsgstr "(.*)"$', text, re.MULTILINE)
    return {_plain(asked): _plain(said) for asked, said in pairs}


def _plain(text: str) -> str:
    return text.replace(r"\"", '"').replace(r"\n", "\n")


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_left_untranslated(language: str) -> None:
    texts = written(language)
    assert [asked for asked, said in texts.items() if not said] == []
    assert texts == catalog(language), "make messages"
    for asked, said in texts.items():
        assert sorted(PLACEHOLDER.findall(asked)) == sorted(PLACEHOLDER.findall(said)), asked


def test_the_catalogs_hold_every_text_of_the_chat() -> None:
    marked = r"(?<=\b_\(\")[^\"]+(?=\"\))|(?<={% trans ['\"])[^'\"]+"
    places = ["conversations/*.py", "templates/*.html", *(f":!{place}" for place in STAFF)]
    source = subprocess.run(
        ["git", "grep", "-hoP", marked, "--", *places], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    texts = {*source, *chat_page.texts().values(), *(command.help for command in commands.values())}
    assert len(texts) > 80
    for language in OTHERS:
        assert texts - catalog(language).keys() == set()


@pytest.mark.parametrize("language", OTHERS)
def test_the_page_says_it(language: str) -> None:
    with translation.override(language):
        said = chat_page.texts()
    assert not said.items() & chat_page.texts().items()
