"""What the commands say of channels: `doctor` names what is wrong with each, `set_webhooks` tries them all."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from bots.models import Bot
from bots.remember import forget
from channels_integrations.models import ChannelConfig, Gateway, Listener
from channels_integrations.setup import Setup
from tests.conversations.conftest import demo, nothing_remembered
from tests.fakes.telegram_server import TOKEN, TelegramServer

__all__ = ["demo", "nothing_remembered"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]


@pytest.fixture
def telegram(settings: Any) -> Iterator[TelegramServer]:
    with TelegramServer() as server:
        settings.TELEGRAM_API_BASE_URL = server.origin
        yield server


def opened(demo: Setup, slug: str, token: str = TOKEN, **config: Any) -> ChannelConfig:
    row: ChannelConfig = ChannelConfig.objects.create(
        workspace_id=demo.workspace_id, bot=Bot.objects.get(pk=demo.bot_id), kind="telegram", slug=slug, name=slug,
        credentials=json.dumps({"token": token}), config=config,
    )  # fmt: skip
    forget()
    return row


def doctor() -> dict[str, dict[str, Any]]:
    """Its findings, by what was looked at."""
    out = io.StringIO()
    with suppress(CommandError):  # where something is wrong
        call_command("doctor", "--json", stdout=out)
    return {finding["check"]: finding for finding in json.loads(out.getvalue())}


def set_webhooks() -> tuple[str, str]:
    """What it prints, and why it failed."""
    out = io.StringIO()
    try:
        call_command("set_webhooks", stdout=out)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), ""


def test_doctor_tells_of_every_channel_and_of_those_that_nobody_listens_to(
    demo: Setup, telegram: TelegramServer
) -> None:
    row = opened(demo, "good")
    opened(demo, "bad", "999:AAAAAAAA")
    told = doctor()
    assert told["channel good: token"]["ok"] and told["channel good: token"]["message"] == "It is @hal_bot."
    bad = told["channel bad: token"]
    assert not bad["ok"] and "refuses this channel's token" in bad["message"] and bad["mend"]
    assert told["gateway"]["message"] == "Nobody listens to good, bad." and "run_gateway" in told["gateway"]["mend"]
    gateway = Gateway.objects.create(name="elsewhere:1", kinds=["telegram"])
    Listener.objects.create(channel=row, gateway=gateway)
    assert doctor()["gateway"]["message"] == "Nobody listens to bad."


def test_doctor_says_nothing_of_channels_that_are_not_in_use(demo: Setup, telegram: TelegramServer) -> None:
    row = opened(demo, "off")
    ChannelConfig.objects.filter(pk=row.pk).update(is_active=False)
    assert not [check for check in doctor() if "off" in check or check == "gateway"]


def test_webhooks_are_set_for_each_and_what_fails_is_named(
    demo: Setup, telegram: TelegramServer, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://bots.example"
    row = opened(demo, "good")
    assert set_webhooks() == ("ok    good: @hal_bot\n", "")
    assert telegram.bot.webhook.url == f"https://bots.example/webhooks/telegram/{row.pk}/"
    opened(demo, "bad", "999:AAAAAAAA")
    told, failed = set_webhooks()
    assert "FAIL  bad: Telegram refuses this channel's token" in told and "ok    good: @hal_bot" in told
    assert failed == "1 of 2 channels could not be connected."


def test_an_installation_without_such_channels_has_nothing_to_set(demo: Setup) -> None:
    assert set_webhooks()[1] == ""
