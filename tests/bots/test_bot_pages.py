"""A bot's pages: its prompts compared and restored, two people at one form, a copy."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from bots.admin.prompts import compare
from bots.models import Bot, BotPicture, Membership, Workspace

pytestmark = pytest.mark.django_db


@pytest.fixture
def bot() -> Bot:
    made = Bot.objects.create(workspace=Workspace.default(), slug="shop", name="Shop", tools=["calculate"])
    made.write_prompt("You sell bicycles.\nBe kind.")
    made.write_prompt("You sell boats.\nBe kind.")
    return made


def signed_in(name: str, **more: Any) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_user(name, is_staff=True, **more))
    return client


@pytest.fixture
def ada() -> Client:
    return signed_in("ada", is_superuser=True)


def form(client: Client, bot: Bot, **changed: Any) -> dict[str, Any]:
    """What the page would send back, with a few boxes changed."""
    page = client.get(reverse("admin:bots_bot_change", args=[bot.pk]))
    shown = page.context["adminform"].form
    fields = {field.html_name: field.value() for field in shown} | {"initial-parameters": shown["parameters"].value()}
    return {name: value for name, value in fields.items() if value not in (None, False)} | changed


def save(client: Client, bot: Bot, sent: dict[str, Any]) -> Any:
    return client.post(reverse("admin:bots_bot_change", args=[bot.pk]), sent)


def test_a_rewritten_line_is_compared_word_by_word() -> None:
    assert compare("You sell bicycles.\nBe kind.\n", "You sell boats.\nBe kind.\nBe brief.\n") == [
        ("same", "You sell "), ("removed", "bicycles"), ("added", "boats"), ("same", ".\n"), ("same", "Be kind.\n"),
        ("added", "Be brief.\n"),
    ]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), [("", "a\nb"), ("a\nb", ""), ("x " * 9_000, "y " * 9_000), ("a", "a")])
def test_a_comparison_holds_both_texts(old: str, new: str) -> None:
    pieces = compare(old, new)
    assert "".join(text for kind, text in pieces if kind != "added") == old
    assert "".join(text for kind, text in pieces if kind != "removed") == new


def test_the_versions_are_listed_with_what_each_changed(ada: Client, bot: Bot) -> None:
    page = ada.get(reverse("admin:bots_bot_prompts", args=[bot.pk])).content.decode()
    assert "<del>bicycles</del><ins>boats</ins>" in page
    assert page.index("Version 2") < page.index("Restore version 1")
    first = ada.get(reverse("admin:bots_bot_prompts", args=[bot.pk]), {"new": "1"}).content.decode()
    assert "<ins>You sell bicycles.\nBe kind.</ins>" in first
    assert ada.get(reverse("admin:bots_bot_prompts", args=[bot.pk]), {"old": "x", "new": "99"}).status_code == 200


def test_a_bot_without_a_prompt_has_a_page_that_says_so(ada: Client) -> None:
    bare = Bot.objects.create(workspace=Workspace.default(), slug="bare", name="Bare")
    assert b"no prompt yet" in ada.get(reverse("admin:bots_bot_prompts", args=[bare.pk])).content


def test_a_restored_version_is_a_new_one(ada: Client, bot: Bot) -> None:
    said = ada.post(reverse("admin:bots_bot_restore", args=[bot.pk, 1]), follow=True)
    bot.refresh_from_db()
    assert bot.prompt == "You sell bicycles.\nBe kind."
    assert bot.prompt_version is not None
    assert (bot.prompt_version.number, str(bot.prompt_version.author)) == (3, "ada")
    assert b"in force again, as version 3" in said.content
    assert b"in force again" in ada.get(reverse("admin:bots_bot_history", args=[bot.pk])).content
    assert ada.post(reverse("admin:bots_bot_restore", args=[bot.pk, 9])).status_code == 404
    assert ada.get(reverse("admin:bots_bot_restore", args=[bot.pk, 1])).status_code == 405


def test_who_saves_last_is_told_what_the_other_did(ada: Client, bot: Bot) -> None:
    grace = signed_in("grace", is_superuser=True)
    hers, mine = form(grace, bot, prompt="You sell trains."), form(ada, bot, prompt="You sell planes.")
    assert save(grace, bot, hers).status_code == 302
    told = save(ada, bot, mine)
    assert told.status_code == 200
    assert b"grace saved this" in told.content
    assert b"(Changed Prompt)" in told.content
    bot.refresh_from_db()
    assert bot.prompt == "You sell trains."
    again = {field.html_name: field.value() for field in told.context["adminform"].form}
    assert again["prompt"] == "You sell planes."
    assert save(ada, bot, mine | {"seen": again["seen"]}).status_code == 302
    bot.refresh_from_db()
    assert bot.prompt == "You sell planes."


def test_what_a_program_changed_meanwhile_is_told_too(ada: Client, bot: Bot) -> None:
    mine = form(ada, bot, name="Mine")
    bot.write_prompt("Changed by a program.")
    assert b"This was changed at" in save(ada, bot, mine).content


def test_saving_twice_in_a_row_is_nobody_elses_doing(ada: Client, bot: Bot) -> None:
    for text in ("One.", "Two."):
        assert save(ada, bot, form(ada, bot, prompt=text)).status_code == 302


def test_a_copy_begins_as_the_bot_is_and_is_out_of_use(ada: Client, bot: Bot) -> None:
    BotPicture.objects.create(bot=bot, content_type="image/png", data=b"picture")
    for slug in ("shop-copy", "shop-copy-2"):
        page = ada.post(reverse("admin:bots_bot_copy", args=[bot.pk]), follow=True)
        made = Bot.objects.get(slug=slug)
        assert page.redirect_chain[-1][0] == reverse("admin:bots_bot_change", args=[made.pk])
        assert (made.name, made.prompt, made.tools, made.is_active) == ("Copy of Shop", bot.prompt, bot.tools, False)
        assert bytes(made.picture.data) == b"picture"


def test_a_new_bot_leads_to_its_page_where_it_is_tried(ada: Client) -> None:
    sent = {"name": "New", "slug": "new", "prompt": "Hi.", "parameters": "{}", "is_active": "on"}
    page = ada.post(reverse("admin:bots_bot_add"), sent, follow=True)
    assert page.redirect_chain[-1][0] == reverse("admin:bots_bot_change", args=[Bot.objects.get(slug="new").pk])
    assert b"<staff-trial" in page.content


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("administrator", (200, 302, 302)),
        ("operator", (200, 404, 404)),
        ("analyst", (200, 404, 404)),
        (None, (404, 404, 404)),
    ],
)
def test_each_role_may_what_its_table_says(bot: Bot, role: str | None, expected: tuple[int, int, int]) -> None:
    client = signed_in("eve")
    if role:
        Membership.objects.create(user=get_user_model().objects.get(), workspace=bot.workspace, role=role)
    found = (
        client.get(reverse("admin:bots_bot_prompts", args=[bot.pk])).status_code,
        client.post(reverse("admin:bots_bot_restore", args=[bot.pk, 1])).status_code,
        client.post(reverse("admin:bots_bot_copy", args=[bot.pk])).status_code,
    )
    assert found == expected


def test_nobody_else_gets_there(bot: Bot) -> None:
    other = signed_in("eve")
    workspace = Workspace.objects.create(name="Other")
    Membership.objects.create(user=get_user_model().objects.get(), workspace=workspace, role="administrator")
    for name, arguments in (("prompts", []), ("restore", [1]), ("copy", [])):
        address = reverse(f"admin:bots_bot_{name}", args=[bot.pk, *arguments])
        assert other.post(address).status_code == 404, name
        assert "/login/" in Client().post(address)["Location"]
