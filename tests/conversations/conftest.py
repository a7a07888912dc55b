"""A demo bot with a web chat, and a runner that lives as long as a test."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache

from bots import threads
from bots.models import AIModel, AIProvider, ApiKey, Bot, Workspace
from bots.remember import forget
from bots.threads import in_thread
from channels_integrations.base import IncomingMessage
from channels_integrations.models import ChannelConfig
from channels_integrations.setup import Setup, setup_of
from conversations import delivery
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


async def until(holds: Callable[[], bool]) -> None:
    """Wait, half a minute at most, until it holds."""
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110  what it asks is no event
            await asyncio.sleep(0.01)


async def until_stored(holds: Callable[[], bool]) -> None:
    """The same of what the rows say."""
    async with asyncio.timeout(30):
        while not await in_thread(holds):  # noqa: ASYNC110  another process may write them
            await asyncio.sleep(0.02)


async def delivered(conversation_id: Any) -> None:
    """Send what there is to send of a conversation, waiting as long as it has to wait."""
    async with asyncio.timeout(60):
        while (wait := await delivery.deliver(conversation_id)) is not None:  # noqa: ASYNC110  time itself is waited for
            await asyncio.sleep(wait + 0.01)


@pytest.fixture
def address(demo: Setup) -> Iterator[str]:
    """Where the whole ASGI application serves on a real socket, over the test's database."""
    import uvicorn

    from config.asgi import application

    config = uvicorn.Config(
        application, port=0, lifespan="on", log_config=None, ws="websockets-sansio", ws_max_size=1024 * 1024
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def key(demo: Setup) -> str:
    """An API key that may chat and read."""
    return ApiKey.issue(workspace=Workspace.default(), name="test", scopes=["chat", "read"])[1]


@pytest.fixture
def hook(demo: Setup, receiver: Receiver, settings: Any) -> Setup:
    """A webhook channel of the demo bot, whose replies the receiver takes."""
    return setup_of(open_hook(receiver, settings).pk)
