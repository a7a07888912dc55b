"""A channel's account, tried when its page is saved and when staff ask: a Telegram and a Discord on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from bots import environment
from bots.models import Bot, Workspace
from channels_integrations.models import ChannelConfig, config_of
from tests.channels_integrations.admin.test_channel import LIST, Wire, wire
from tests.config.test_admin import form_of, url
from tests.fakes.discord_server import DiscordServer
from tests.fakes.telegram_server import TOKEN, Fault, TelegramServer

__all__ = ["wire"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def telegram(settings: Any) -> Iterator[TelegramServer]:
    with TelegramServer() as server:
        settings.TELEGRAM_API_BASE_URL = server.origin
        yield server


@pytest.fixture
def discord(settings: Any) -> Iterator[DiscordServer]:
    with DiscordServer() as server:
        server.point(settings)
        yield server


def begun(staff: Client, kind: str) -> ChannelConfig:
    """A channel after the first step."""
    data = {"name": kind, "kind": kind, "bot": str(Bot.objects.get().pk), "slug": kind, "is_active": "on"}
    assert staff.post(url(ChannelConfig, "add"), data).status_code == 302
    row: ChannelConfig = ChannelConfig.objects.get(kind=kind)
    return row


def saved(staff: Client, row: ChannelConfig, **filled: str) -> str:
    """The page after the second."""
    answer = staff.post(url(row), {**form_of(staff.get(url(row))), **filled, "_continue": "1"}, follow=True)
    assert answer.redirect_chain, answer.context["adminform"].form.errors
    row.refresh_from_db()
    return str(answer.content.decode())


def checked(staff: Client, row: ChannelConfig) -> dict[str, Any]:
    answer = staff.post(f"{LIST}{row.pk}/check/", headers={"accept": "application/json"})
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_a_token_that_is_right_tells_the_account_s_name(staff: Client, telegram: TelegramServer) -> None:
    row = begun(staff, "telegram")
    page = saved(staff, row, config_token=TOKEN)
    assert "Connected as @hal_bot." in page and TOKEN not in page
    assert (row.account, row.fault) == ("@hal_bot", "")
    assert "@hal_bot" in staff.get(url(row)).content.decode()
    assert not telegram.called("setWebhook")  # no public https address: it is asked


def test_with_a_public_address_the_webhook_is_set_and_read_back(
    staff: Client, telegram: TelegramServer, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://bots.example"
    row = begun(staff, "telegram")
    assert "Connected as @hal_bot." in saved(staff, row, config_token=TOKEN)
    assert telegram.bot.webhook.url == f"https://bots.example/webhooks/telegram/{row.pk}/"
    assert telegram.bot.webhook.secret
    methods = [call.method for call in telegram.calls]
    assert methods.index("setWebhook") < methods.index("getWebhookInfo")


def test_an_address_that_telegram_does_not_take_is_told(staff: Client, telegram: TelegramServer, settings: Any) -> None:
    settings.PUBLIC_URL = "https://bots.example"
    told = "Bad Request: bad webhook: Failed to resolve host"
    telegram.script(Fault(method="setWebhook", status=400, description=told))
    row = begun(staff, "telegram")
    page = saved(staff, row, config_token=TOKEN)
    assert "Telegram does not take our address https://bots.example/webhooks/" in page
    assert "does not take our address" in row.fault


def test_a_wrong_token_is_told_at_once_and_stands_in_the_list(staff: Client, telegram: TelegramServer) -> None:
    row = begun(staff, "telegram")
    page = saved(staff, row, config_token="999:AAAAAAAA")
    assert "Telegram refuses this channel&#x27;s token (Unauthorized). Copy it from @BotFather again" in page
    assert "999:AAAAAAAA" not in page
    assert "Telegram refuses this channel" in staff.get(LIST).content.decode()
    assert "Connected as @hal_bot." in saved(staff, row, config_token=TOKEN)
    assert row.fault == ""


@pytest.mark.parametrize(
    ("kind", "token", "told"),
    [
        ("telegram", "hello", "A token is digits, a colon and letters"),
        ("discord", "hello", "This is no bot token"),
        ("telegram", "", "Please fill this in."),
    ],
)
def test_what_is_no_token_is_refused_at_its_box(
    staff: Client, telegram: TelegramServer, kind: str, token: str, told: str
) -> None:
    row = begun(staff, kind)
    page = staff.post(url(row), {**form_of(staff.get(url(row))), "config_token": token})
    assert told in page.context["adminform"].form.errors["config_token"][0]
    assert telegram.calls == []


def test_discord_tells_its_name_and_what_it_is_not_allowed(staff: Client, discord: DiscordServer) -> None:
    row = begun(staff, "discord")
    assert f"Connected as {discord.bot.name}" in saved(staff, row, config_token=discord.bot.token)
    discord.bot.flags = 0
    assert "Message Content" in saved(staff, row)
    assert "Message Content" in row.fault


def test_a_platform_that_is_away_is_told_in_a_sentence(staff: Client, settings: Any) -> None:
    settings.TELEGRAM_API_BASE_URL = "http://127.0.0.1:1"
    row = begun(staff, "telegram")
    page = saved(staff, row, config_token=TOKEN)
    assert "Connected as" not in page and "Traceback" not in page and TOKEN not in page
    assert config_of(row).token.get_secret_value() == TOKEN  # kept: the gateway goes on trying


def test_nothing_is_called_inside_the_transaction(staff: Client, telegram: TelegramServer, wire: Wire) -> None:
    row = begun(staff, "telegram")
    saved(staff, row, config_token=TOKEN)
    asked = [inside for place, inside in wire.seen if isinstance(place, tuple) and str(place[1]) in telegram.origin]
    assert asked and not any(asked)


def test_a_channel_that_is_not_in_use_calls_nobody(staff: Client, telegram: TelegramServer) -> None:
    row = begun(staff, "telegram")
    data = {**form_of(staff.get(url(row))), "config_token": TOKEN}
    data.pop("is_active")
    assert staff.post(url(row), data).status_code == 302
    assert telegram.calls == []


def test_choices_are_in_words_and_what_is_chosen_is_kept(staff: Client, telegram: TelegramServer) -> None:
    row = begun(staff, "telegram")
    page = staff.get(url(row))
    choices = dict(page.context["adminform"].form.fields["config_in_groups"].choices)
    assert choices["addressed"] == "Answer what is meant for the bot"
    saved(staff, row, config_token=TOKEN, config_in_groups="all", config_prefix="hal,", flag_merge_window="3")
    assert (config_of(row).in_groups, config_of(row).prefix) == ("all", "hal,")
    assert "Wait for more of the same person (seconds)" in staff.get(url(row)).content.decode()


def test_a_token_of_the_environment_is_changed_there(staff: Client, telegram: TelegramServer, settings: Any) -> None:
    settings.TELEGRAM_BOT_TOKEN = TOKEN
    environment.sync()
    row = ChannelConfig.objects.get(kind="telegram")
    page = staff.get(url(row))
    assert page.context["adminform"].form.fields["config_token"].disabled
    assert "From the environment: TELEGRAM_BOT_TOKEN." in page.content.decode()
    saved(staff, row, config_token="999:AAAAAAAA", config_prefix="hal,")
    assert (config_of(row).token.get_secret_value(), config_of(row).prefix) == (TOKEN, "hal,")


def test_the_check_says_what_is_wrong_and_how_it_is_mended(staff: Client, telegram: TelegramServer) -> None:
    row = begun(staff, "telegram")
    assert "“Token” is not filled in." in checked(staff, row)["findings"][0]["text"]
    saved(staff, row, config_token=TOKEN)
    good = checked(staff, row)
    assert (good["state"], good["text"]) == ("sent", "Everything is as it should be.")
    saved(staff, row, config_in_groups="all")
    told = checked(staff, row)
    wrong = [finding for finding in told["findings"] if not finding["ok"]]
    assert (told["state"], told["text"]) == ("failed", "1 thing to mend.")
    assert wrong[0]["text"].startswith("privacy mode: ") and "/setprivacy" in wrong[0]["mend"]
    telegram.revoke(telegram.bot)
    revoked = checked(staff, row)["findings"]
    assert [finding["ok"] for finding in revoked] == [False]
    assert revoked[0]["text"].startswith("token: Telegram refuses this channel's token")


def test_without_scripts_the_page_comes_back_with_each_finding(staff: Client, telegram: TelegramServer) -> None:
    row = begun(staff, "telegram")
    saved(staff, row, config_token=TOKEN, config_in_groups="all")
    told = staff.post(f"{LIST}{row.pk}/check/", follow=True)
    assert told.redirect_chain[-1][0] == url(row)
    page = told.content.decode()
    assert "token: It is @hal_bot." in page and "privacy mode: Telegram hides" in page and "/setprivacy" in page


def test_a_check_is_asked_for_by_post_and_of_one_s_own_channel(staff: Client, client: Client) -> None:
    row = begun(staff, "telegram")
    assert staff.get(f"{LIST}{row.pk}/check/").status_code == 405
    assert staff.post(f"{LIST}01900000-0000-7000-8000-000000000000/check/").status_code == 404
    other = Workspace.objects.create(name="Other")
    from django.contrib.auth import get_user_model

    from bots.models import Membership

    stranger = get_user_model().objects.create_user("eve", is_staff=True)
    Membership.objects.create(user=stranger, workspace=other, role="administrator")
    client.force_login(stranger)
    assert client.post(f"{LIST}{row.pk}/check/").status_code == 404


def test_what_is_sealed_is_sealed(staff: Client, telegram: TelegramServer) -> None:
    row = begun(staff, "telegram")
    saved(staff, row, config_token=TOKEN)
    assert TOKEN not in json.dumps(list(ChannelConfig.objects.values()), default=str)
