"""The demo bot with its web chat and a webhook channel, and somebody who may configure them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client

from bots import environment, threads
from bots.models import Bot
from bots.remember import forget
from channels_integrations.models import ChannelConfig
from conversations.seed import seed_demo
from tests.fakes.webhook_receiver import SECRET, Receiver


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    forget()
    cache.clear()
    yield
    threads.shutdown()


@pytest.fixture
def staff(client: Client, db: None) -> Client:
    """A superuser's browser."""
    environment.sync()
    seed_demo()
    client.force_login(get_user_model().objects.create_superuser("grace"))
    return client


@pytest.fixture
def chat(staff: Client) -> ChannelConfig:
    found: ChannelConfig = ChannelConfig.objects.get(kind="webchat")
    return found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def hook(staff: Client, receiver: Receiver, settings: Any) -> ChannelConfig:
    settings.PRIVATE_NETWORKS = ["127.0.0.0/8"]
    bot = Bot.objects.get()
    row = ChannelConfig(
        workspace=bot.workspace, bot=bot, kind="webhook", slug="hook", name="Hook", config={"url": receiver.url}
    )
    row.credentials = json.dumps({"secret": SECRET})
    row.save()
    forget()
    return row
