"""A webhook channel of the only bot, and the other side of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bots.models import Bot
from bots.remember import forget
from channels_integrations.models import ChannelConfig
from tests.fakes.webhook_receiver import SECRET, Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Takes the channel's replies."""
    with Receiver() as receiver:
        yield receiver


def open_hook(receiver: Receiver, settings: Any) -> ChannelConfig:
    """The channel, whose replies the receiver takes."""
    settings.PRIVATE_NETWORKS = ["127.0.0.0/8"]
    bot = Bot.objects.get()
    row = ChannelConfig(
        workspace=bot.workspace, bot=bot, kind="webhook", slug="hook", name="Hook", config={"url": receiver.url}
    )
    row.credentials = json.dumps({"secret": SECRET})
    row.save()
    forget()
    return row
