"""Prompts: a version a change, whoever saves at the same moment. That none is ever altered: test_rows.py."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import ProtectedError

from bots.models import Bot, PromptVersion, Workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def bot() -> Bot:
    return Bot.objects.create(workspace=Workspace.default(), slug="b", name="B")


def numbers() -> list[int]:
    return list(PromptVersion.objects.order_by("number").values_list("number", flat=True))


def test_a_version_tells_its_author_and_its_moment(bot: Bot) -> None:
    ada = get_user_model().objects.create_user("ada")
    bot.write_prompt("one", author=ada)
    version = PromptVersion.objects.get()
    assert (version.author, version.text, str(version)) == (ada, "one", "B #1")
    assert version.created_at >= bot.created_at
    ada.delete()
    version.refresh_from_db()
    assert version.author is None


def test_the_same_text_saved_twice_at_once_is_one_version(bot: Bot) -> None:
    late = Bot.objects.get()  # a second form, opened before the first was saved
    first = bot.write_prompt("one")
    assert late.write_prompt("one") == first
    assert late.prompt == "one"
    assert numbers() == [1]


def test_who_saves_last_is_in_force_though_they_saw_an_older_prompt(bot: Bot) -> None:
    bot.write_prompt("one")
    late = Bot.objects.get()
    bot.write_prompt("two")
    late.write_prompt("one")
    assert Bot.objects.get().prompt == "one"
    assert numbers() == [1, 2, 3]


def test_a_prompt_does_not_save_what_else_was_changed_on_its_bot(bot: Bot) -> None:
    bot.name = "Renamed, not saved"
    bot.write_prompt("one")
    assert Bot.objects.get().name == "B"


def test_an_emptied_prompt_is_a_version_too(bot: Bot) -> None:
    bot.write_prompt("one")
    bot.write_prompt("")
    assert (Bot.objects.get().prompt, numbers()) == ("", [1, 2])


def test_the_version_in_force_cannot_be_deleted(bot: Bot) -> None:
    with pytest.raises(ProtectedError):
        bot.write_prompt("one").delete()


@pytest.mark.django_db(transaction=True)
def test_versions_written_at_once_have_a_number_each(bot: Bot) -> None:
    def write(text: str) -> int:
        try:
            return Bot.objects.get().write_prompt(text).number
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        written = list(pool.map(write, "abcdefghij"))
    assert sorted(written) == numbers() == list(range(1, 11))
    assert Bot.objects.get().prompt == PromptVersion.objects.get(number=10).text
