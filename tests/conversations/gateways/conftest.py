"""The whole way: a person writes on a platform, the gateway hears it, the bot answers there. Real SDKs over sockets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bots.models import Bot
from bots.remember import forget
from channels_integrations.models import ChannelConfig
from channels_integrations.setup import Setup
from conversations import listeners
from conversations.gateway import Gateway
from conversations.runner import runner
from tests.fakes.discord_server import DiscordServer
from tests.fakes.telegram_server import TelegramServer


@pytest.fixture
def discord(settings: Any) -> Iterator[DiscordServer]:
    with DiscordServer() as server:
        server.point(settings)
        yield server


@pytest.fixture
def telegram(settings: Any) -> Iterator[TelegramServer]:
    with TelegramServer() as server:
        settings.TELEGRAM_API_BASE_URL = server.origin
        yield server


@pytest.fixture(autouse=True)
def brisk(settings: Any) -> None:
    settings.GATEWAY_SECONDS = 0.2


def open_channel(demo: Setup, kind: str, token: str, *, slug: str = "", **config: Any) -> ChannelConfig:
    """A channel of the demo bot on this platform."""
    row: ChannelConfig = ChannelConfig.objects.create(
        workspace_id=demo.workspace_id, bot=Bot.objects.get(pk=demo.bot_id), kind=kind, slug=slug or kind, name=kind,
        credentials=json.dumps({"token": token}), config=config,
    )  # fmt: skip
    forget()
    return row


@asynccontextmanager
async def listening() -> AsyncIterator[Gateway]:
    """This process listens and answers."""
    await runner.start()
    gateway = Gateway(listeners.kinds())
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.stop()
        await runner.drain(5)
