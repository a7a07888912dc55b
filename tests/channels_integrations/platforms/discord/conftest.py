"""A Discord on loopback, and a channel's adapter that asks it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from django.db import OperationalError

from channels_integrations.base import Account, Command, InboundEvent, OutboundMessage, Place, adapters
from channels_integrations.platforms.discord.adapter import Discord
from tests.fakes.discord_objects import Bot
from tests.fakes.discord_server import DiscordServer

COMMANDS = (Command("help", "What I can do."), Command("new", "Begin anew."))


@pytest.fixture
def discord(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[DiscordServer]:
    for name, seconds in {
        "client.SERVERS_PAUSE": 0.05, "client.INVALID_PAUSE": (0.01, 0.05), "sessions.IDENTIFY_PAUSE": 0.05,
    }.items():  # fmt: skip
        monkeypatch.setattr(f"channels_integrations.platforms.discord.{name}", seconds)
    with DiscordServer("Hal", "Eve") as server:
        server.point(settings)
        yield server


@pytest.fixture
def hal(discord: DiscordServer) -> Discord:
    return adapter_of(discord.bot)


def adapter_of(bot: Bot, **config: Any) -> Discord:
    """The adapter of a channel with this bot."""
    found = adapters["discord"](Discord.Config.model_validate({"token": bot.token, **config}), account="Hal#1234")
    assert isinstance(found, Discord)
    return found


def outbound(chat_id: str, text: str, **more: Any) -> OutboundMessage:
    return OutboundMessage(chat_id=chat_id, text=text, **{"idempotency_key": "0190-key", **more})


class Ear:
    """What a channel heard. `broken`: so many times it cannot be stored, for `reason`; `slow`: seconds of storing."""

    def __init__(self, adapter: Discord) -> None:
        self.adapter = adapter
        self.bodies: list[bytes] = []
        self.at: list[float] = []
        self.accounts: list[str] = []
        self.recent: dict[str, str] = {}
        self.broken = 0
        self.reason: type[Exception] = OperationalError
        self.slow = 0.0

    @property
    def events(self) -> list[InboundEvent]:
        """What the bodies tell, repeats told once, as the engine reads them."""
        return [event for body in dict.fromkeys(self.bodies) for event in self.adapter.parse(body)]  # type: ignore[misc]

    @property
    def texts(self) -> list[str]:
        return [json.loads(body).get("content", "") for body in dict.fromkeys(self.bodies)]

    async def handle(self, body: bytes) -> None:
        await asyncio.sleep(self.slow)
        if self.broken:
            self.broken -= 1
            raise self.reason("away")
        self.bodies.append(body)
        self.at.append(time.time())

    def ready(self, account: Account) -> None:
        self.accounts.append(account.name)

    def place(self, commands: tuple[Command, ...] = (), *, shard: int = 0, shards: int = 1) -> Place:
        async def recent() -> dict[str, str]:
            return dict(self.recent)

        return Place(channel_id="c", commands=commands, recent=recent, shard=shard, shards=shards)


@asynccontextmanager
async def listening(
    ear: Ear, commands: tuple[Command, ...] = (), *, shard: int = 0, shards: int = 1
) -> AsyncIterator[asyncio.Task[None]]:
    """The channel listens, or one of its shards, and has heard that it does."""
    place = ear.place(commands, shard=shard, shards=shards)
    task = asyncio.create_task(ear.adapter.listen(place, ear.handle, ear.ready))
    try:
        await until(lambda: ear.accounts or task.done())
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(ready: Callable[[], Any], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "it did not come about"
        await asyncio.sleep(0.01)
