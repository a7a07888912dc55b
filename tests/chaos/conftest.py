"""Fleets that several tests share."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import count

import pytest

from tests.chaos.fleet import FAST, Fleet, fleet
from tests.fakes.discord_server import DiscordServer
from tests.fakes.telegram_server import Account, TelegramServer

_bots = count(1)


@pytest.fixture(scope="session")
def ground() -> Iterator[Fleet]:
    """Stores, rows and a warm parent for all that need no faults of the judge."""
    with fleet() as made:
        yield made


@pytest.fixture
def made(ground: Fleet) -> Iterator[Fleet]:
    """A fleet without processes, nothing said yet."""
    yield ground
    ground.reset()


@pytest.fixture(scope="module")
def crashing() -> Iterator[Fleet]:
    """Processes that do everything themselves, with the shortest leases there are."""
    with fleet(broker=False, variables=FAST) as made:
        yield made


@pytest.fixture(scope="session")
def telegram() -> Iterator[TelegramServer]:
    """In this process, which nobody kills."""
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # of calls whose caller died it tells at length
    with TelegramServer() as server:
        yield server


@pytest.fixture(scope="session")
def discord() -> Iterator[DiscordServer]:
    """In this process, too."""
    with DiscordServer() as server:
        server.gateway.url = server.origin.replace("http", "ws") + "/gateway/"
        yield server


@pytest.fixture(scope="session")
def listened(telegram: TelegramServer, discord: DiscordServer) -> Iterator[Fleet]:
    """As `ground`, for gateways that do everything themselves, with the fakes as their platforms."""
    with fleet(broker=False, variables=_addresses(telegram, discord)) as made:
        yield made


@pytest.fixture
def heard(listened: Fleet, telegram: TelegramServer, discord: DiscordServer) -> Iterator[Fleet]:
    """That fleet without processes and channels, nothing said yet."""
    yield listened
    listened.reset()
    telegram.flood_share = discord.rest.share_429 = 0.0


@pytest.fixture
def bot(telegram: TelegramServer) -> Account:
    """A Telegram bot of this test alone."""
    number = next(_bots)
    return telegram.add(f"{7_000 + number}:token_of_this_test", f"bot{number}_bot")


def _addresses(telegram: TelegramServer, discord: DiscordServer) -> dict[str, str]:
    return {
        "TELEGRAM_API_BASE_URL": telegram.origin, "DISCORD_API_BASE_URL": f"{discord.origin}/api/v10",
        "DISCORD_GATEWAY_URL": discord.gateway.url,
    }  # fmt: skip
