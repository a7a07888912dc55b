"""A Telegram that runs on loopback, and our driver for its bot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from channels_integrations.base import Command, OutboundMessage, Place
from channels_integrations.platforms.telegram.adapter import Telegram
from tests.fakes.telegram_server import TOKEN, TelegramServer

KEY = "0193c0de-0000-7000-8000-000000000001"


async def _nothing() -> Mapping[str, str]:
    return {}


def place(webhook: str = "", *commands: Command) -> Place:
    """Where the channel is."""
    return Place(channel_id="c", webhook=webhook, commands=commands, recent=_nothing)


def driver(token: str = TOKEN, account: str = "@hal_bot", **config: Any) -> Telegram:
    """The adapter of a channel with these settings."""
    return Telegram(Telegram.Config(token=token, **config), account)


def message(text: str, chat: int | str = 7, **more: Any) -> OutboundMessage:
    """The first part that the platform makes of a text."""
    part = driver().parts(text)[0] if text else driver().parts("…")[0]
    return OutboundMessage(
        chat_id=str(chat), text=part.text if text else "", spans=part.spans, idempotency_key=KEY, **more
    )


@pytest.fixture
def telegram(settings: Any) -> Iterator[TelegramServer]:
    with TelegramServer() as telegram:
        settings.TELEGRAM_API_BASE_URL = telegram.origin
        yield telegram
