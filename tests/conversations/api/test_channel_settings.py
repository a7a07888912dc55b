"""A channel's settings over REST, where its secret is not the program's to change."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bots.models import Bot
from channels_integrations.models import ChannelConfig, config_of
from tests.conversations.api.test_configuration import errors

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "4242:AAF-a_token"


def test_a_secret_of_the_environment_is_changed_there(manager: Any) -> None:
    bot = Bot.objects.get()
    row = ChannelConfig.objects.create(
        workspace=bot.workspace, bot=bot, kind="telegram", slug="telegram", name="Telegram", source="environment",
        credentials=json.dumps({"token": TOKEN}),
    )  # fmt: skip
    url = f"/api/v1/channels/{row.pk}/"
    for given in ("999:AAAAAAAA", None):
        refused = errors(manager.patch(url, json={"config": {"token": given}}))
        assert "TELEGRAM_BOT_TOKEN" in str(refused["config"])
    assert manager.patch(url, json={"config": {"prefix": "hal,"}}).json()["config"] == {"prefix": "hal,"}
    row.refresh_from_db()
    assert config_of(row).token.get_secret_value() == TOKEN
