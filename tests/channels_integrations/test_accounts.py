"""Tokens that the environment gives: each becomes a channel, which follows it at every start."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bots import environment
from bots.models import Bot, Workspace
from channels_integrations.models import ChannelConfig, config_of
from conversations.seed import seed_demo
from tests.conversations.conftest import nothing_remembered

__all__ = ["nothing_remembered"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]
TOKEN, OTHER = "4242:AAF-a_token", "4242:AAF-another"


@pytest.fixture(autouse=True)
def bot(db: None) -> Bot:
    """The first bot of the workspace; what comes from the environment is one more at each start."""
    environment.sync()
    seed_demo()
    return Bot.objects.get()


def started(settings: Any, **tokens: str) -> None:
    """The product starts with these tokens."""
    for kind in ("telegram", "discord"):
        setattr(settings, f"{kind.upper()}_BOT_TOKEN", tokens.get(kind, ""))
    environment.sync()


def given() -> list[tuple[str, bool]]:
    rows = ChannelConfig.objects.filter(source="environment").order_by("kind")
    return [(row.kind, row.is_active) for row in rows]


def token_of(kind: str) -> str:
    return str(config_of(ChannelConfig.objects.get(kind=kind)).token.get_secret_value())


def test_each_token_becomes_a_channel_of_the_first_bot(settings: Any, bot: Bot) -> None:
    started(settings, telegram=TOKEN, discord="MTIz.made.up")
    assert given() == [("discord", True), ("telegram", True)]
    row = ChannelConfig.objects.get(kind="telegram")
    assert (row.bot, row.slug, row.name, token_of("telegram")) == (bot, "telegram", "Telegram", TOKEN)
    assert TOKEN not in json.dumps(list(ChannelConfig.objects.values()), default=str)


def test_a_start_with_the_same_token_changes_nothing(settings: Any) -> None:
    started(settings, telegram=TOKEN)
    before = list(ChannelConfig.objects.values())
    started(settings, telegram=TOKEN)
    assert list(ChannelConfig.objects.values()) == before  # else its listener would begin anew


def test_a_new_token_takes_the_place_of_the_old_one(settings: Any) -> None:
    started(settings, telegram=TOKEN)
    started(settings, telegram=OTHER)
    assert (given(), token_of("telegram")) == ([("telegram", True)], OTHER)


def test_what_the_environment_no_longer_gives_is_switched_off_and_comes_back_with_it(settings: Any) -> None:
    started(settings, telegram=TOKEN)
    started(settings)
    assert given() == [("telegram", False)]
    environment.sync(retire=False)
    started(settings, telegram=TOKEN)
    assert given() == [("telegram", True)]


def test_a_command_s_shell_may_know_less_than_the_server_s(settings: Any) -> None:
    started(settings, telegram=TOKEN)
    settings.TELEGRAM_BOT_TOKEN = ""
    environment.sync(retire=False)
    assert given() == [("telegram", True)]


def test_what_staff_gave_it_stays(settings: Any, bot: Bot) -> None:
    started(settings, telegram=TOKEN)
    second = Bot.objects.create(workspace=Workspace.default(), slug="second", name="Second")
    ChannelConfig.objects.filter(kind="telegram").update(
        bot=second, name="Support", config={"prefix": "hal,"}, prompt="Be short."
    )
    started(settings, telegram=OTHER)
    row = ChannelConfig.objects.get(kind="telegram")
    assert (row.bot, row.name, row.prompt, config_of(row).prefix) == (second, "Support", "Be short.", "hal,")
    assert token_of("telegram") == OTHER


def test_channels_that_staff_made_are_left_alone(settings: Any, bot: Bot) -> None:
    mine = ChannelConfig.objects.create(
        workspace=bot.workspace, bot=bot, kind="telegram", slug="telegram", name="Mine",
        credentials=json.dumps({"token": f"777{OTHER.partition(':')[1]}{OTHER.partition(':')[2]}"}),
    )  # fmt: skip
    started(settings, telegram=TOKEN)
    row = ChannelConfig.objects.get(source="environment")
    assert (row.slug, ChannelConfig.objects.get(pk=mine.pk).is_active) == ("telegram-environment", True)
    started(settings)
    mine.refresh_from_db()
    assert mine.is_active


def test_an_account_that_staff_have_a_channel_for_gets_no_second_one(settings: Any, bot: Bot) -> None:
    ChannelConfig.objects.create(
        workspace=bot.workspace, bot=bot, kind="telegram", slug="mine", name="Mine",
        credentials=json.dumps({"token": OTHER}),
    )  # fmt: skip
    started(settings, telegram=TOKEN)  # the same bot's: both would answer
    assert given() == []


def test_without_a_bot_it_waits_for_one(settings: Any) -> None:
    Bot.objects.update(archived_at="2026-01-01T00:00Z")
    started(settings, telegram=TOKEN)
    assert given() == []
    Bot.objects.update(archived_at=None)
    started(settings, telegram=TOKEN)
    assert given() == [("telegram", True)]


def test_a_token_sealed_with_a_key_that_is_gone_is_sealed_anew(settings: Any) -> None:
    from cryptography.fernet import Fernet

    started(settings, telegram=TOKEN)
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    started(settings, telegram=TOKEN)
    assert token_of("telegram") == TOKEN
