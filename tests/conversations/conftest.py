"""A demo bot with a web chat, and a runner that lives as long as a test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from django.core.cache import cache

from bots import threads
from bots.models import AIModel, AIProvider, Bot, Workspace
from bots.remember import forget
from channels_integrations.base import IncomingMessage
from channels_integrations.models import ChannelConfig
from channels_integrations.setup import Setup, setup_of


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    forget()
    cache.clear()
    yield
    threads.shutdown()


@pytest.fixture
def demo(transactional_db: None) -> Setup:
    """The web chat `demo` of the bot `demo`, answered by the demo model."""
    workspace = Workspace.default()
    provider, _ = AIProvider.objects.get_or_create(slug="demo", defaults={"name": "Demo", "kind": "demo"})
    for name in ("demo", "brief"):
        AIModel.objects.get_or_create(provider=provider, name=name)
    bot = Bot.objects.create(workspace=workspace, slug="demo", name="Demo", tools=["calculate", "get_datetime"])
    bot.write_prompt("You are friendly and answer in few words.")
    channel = ChannelConfig.objects.create(workspace=workspace, bot=bot, kind="webchat", slug="demo", name="Web chat")
    forget()
    return setup_of(channel.pk)


def said(text: str, *, chat: str = "visitor-1", event: str = "") -> IncomingMessage:
    """A message as a door hands it in."""
    return IncomingMessage(event_id=event or uuid.uuid4().hex, chat_id=chat, sender_id=chat, text=text)
