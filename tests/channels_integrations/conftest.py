"""The demo bot with its web chat and a webhook channel, and somebody who may configure them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client

from bots import environment, threads
from bots.remember import forget
from channels_integrations.models import ChannelConfig
from conversations.seed import seed_demo
from tests.fakes.webhook_receiver import Receiver
from tests.webhook_channel import open_hook, receiver

__all__ = ["receiver"]


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
def hook(staff: Client, receiver: Receiver, settings: Any) -> ChannelConfig:
    return open_hook(receiver, settings)
