"""A Discord bot with several connections, shared by gateways of which one dies."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest

from tests.chaos.fleet import Fleet, until
from tests.chaos.gateways import listens, until_done
from tests.chaos.talks import OnDiscord
from tests.fakes.discord_server import DiscordServer

pytestmark = pytest.mark.chaos
SHARDS = 4


@pytest.fixture
def sharded(discord: DiscordServer) -> Iterator[DiscordServer]:
    """Its bot is to have several connections, and may begin them together."""
    discord.bot.shards = discord.bot.at_once = SHARDS
    yield discord
    discord.bot.shards = discord.bot.at_once = 1


def test_what_is_said_while_a_gateway_dies_is_answered_once_by_the_other(heard: Fleet, sharded: DiscordServer) -> None:
    heard.open_channel("discord", sharded.bot.token)
    talks = OnDiscord(sharded, "Shard", private=2, channels=2 * SHARDS, shards=SHARDS)
    pair = [heard.start("gateway"), heard.start("gateway")]
    until(lambda: sum(listens(heard, process) for process in pair) == SHARDS, 30)
    print([listens(heard, process) for process in pair], "shards are listened to by each")
    ask(heard, talks)
    victim, other = sorted(pair, key=lambda process: -listens(heard, process))
    victim.send(signal.SIGKILL)
    until(lambda: not victim.is_alive, 10)
    heard.forget_dead()
    ask(heard, talks)
    assert listens(heard, other) == SHARDS
    ask(heard, talks)
    found = talks.found()
    print(found)
    assert found.is_clean and not found.doubled, found


def ask(made: Fleet, talks: OnDiscord) -> None:
    """A question in each chat, until all are answered."""
    for chat in talks.chats:
        talks.ask(chat)
    asyncio.run(until_done(made, [talks], 60))
