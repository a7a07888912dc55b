"""Gateways that die at every named boundary, sleep while another takes over, are refused, and begin side by side."""

from __future__ import annotations

import asyncio
import random
import signal
import time

import pytest

from bots.crash import EDIT_POINTS
from tests.chaos.fleet import Fleet, seed_of_this_run, until
from tests.chaos.gateways import PLACING, Toll, is_done, kill, listening, listens, until_done
from tests.chaos.talks import OnDiscord, OnTelegram, Talks
from tests.chaos.verdict import ask
from tests.environment import LONG
from tests.fakes.discord_server import DiscordServer
from tests.fakes.telegram_server import Account, TelegramServer

pytestmark = pytest.mark.chaos
POINTS = (*EDIT_POINTS, "send begun", "send taken", "send settled", "turn closing", "turn closed")


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_at_each_boundary_of_an_answer_in_groups(
    point: str, heard: Fleet, telegram: TelegramServer, bot: Account
) -> None:
    """One dies there, or ten. Half of the answers are shown while they are written, half are not."""
    heard.open_channel("telegram", bot.token)
    talks, toll = OnTelegram(telegram, bot, private=0, groups=4), Toll()
    for _ in range(10 if LONG else 1):
        victim = listening(heard, crash_at=point)
        for place, chat in enumerate(talks.chats):
            talks.ask(chat, slow=place % 2 == 0)
        until(lambda: not victim.is_alive, 30, lambda: f"nobody came to {point}")  # noqa: B023
        heard.forget_dead()
        toll.placing.update(ask(heard, PLACING))
        heard.start("gateway")
        asyncio.run(until_done(heard, [talks], 60))
        kill(heard, toll)
    found = talks.found()
    print(f"{point}: {found}")
    assert found.is_clean and not found.doubled, found
    assert found.strays <= len(toll.placing)


def test_a_gateway_that_sleeps_while_another_takes_over_doubles_nothing(
    heard: Fleet, telegram: TelegramServer, discord: DiscordServer, bot: Account
) -> None:
    """It wakes with answers half written and half sent."""
    for kind, token in (("telegram", bot.token), ("discord", discord.bot.token)):
        heard.open_channel(kind, token)
    talks: list[Talks] = [
        OnTelegram(telegram, bot, private=0, groups=6), OnDiscord(discord, "Sleep", private=3, channels=3)
    ]  # fmt: skip
    chance = random.Random(seed_of_this_run())
    listening(heard, 2)
    for chat in talks[1].chats:  # in chats that nobody knows yet, Discord's messages wait until the sleeper wakes
        talks[1].ask(chat)
    asyncio.run(until_done(heard, talks, 60))
    for _ in range(6 if LONG else 2):
        sleeps(heard, talks, chance)
    for found in (talk.found() for talk in talks):
        print(found)
        assert found.is_clean and not found.doubled, found


def sleeps(made: Fleet, talks: list[Talks], chance: random.Random) -> None:
    """The one that there is sleeps at some moment of its answers; another listens from then on."""
    for talk in talks:
        for chat in talk.chats:
            talk.ask(chat, slow=True)
    time.sleep(chance.uniform(0.3, 1.5))
    (sleeper,) = made.processes
    sleeper.send(signal.SIGSTOP)
    other = listening(made, 2)
    asyncio.run(until_done(made, talks, 60))
    sleeper.send(signal.SIGCONT)
    time.sleep(3)  # what it still does, it does now
    assert sleeper.is_alive and listens(made, sleeper) == 0 and listens(made, other) == 2
    sleeper.send(signal.SIGKILL)
    until(lambda: not sleeper.is_alive, 10)
    made.forget_dead()


def test_a_third_of_the_sends_refused_on_both(
    heard: Fleet, telegram: TelegramServer, discord: DiscordServer, bot: Account
) -> None:
    for kind, token in (("telegram", bot.token), ("discord", discord.bot.token)):
        heard.open_channel(kind, token)
    each, size = (5, 20) if LONG else (3, 8)
    talks: list[Talks] = [
        OnTelegram(telegram, bot, private=size, groups=size),
        OnDiscord(discord, "Refused", private=size, channels=size),
    ]
    telegram.early.clear()
    discord.rest.early = 0
    telegram.flood_share = discord.rest.share_429 = 0.3
    discord.rest.seconds_429 = 1.0
    listening(heard, 2, patience=20)  # a busy machine's own delays are no refusals
    chance = random.Random(seed_of_this_run())

    async def both() -> None:
        await asyncio.gather(
            *(asyncio.to_thread(t.run, chance, each=(each, each), seconds=each * (6 if LONG else 2)) for t in talks)
        )
        await until_done(heard, talks, 240)

    asyncio.run(both())
    refused = [sum(call.status == 429 for call in calls) for calls in (telegram.calls, discord.rest.calls)]
    for talk, count in zip(talks, refused, strict=True):
        print(f"{type(talk).__name__}: {talk.found()}, {count} refused")
        assert count > talk.count / 10
        assert talk.found().is_clean and not talk.found().doubled
    assert not telegram.early and not discord.rest.early
    states = "SELECT DISTINCT state, ambiguous FROM conversations_delivery"
    assert ask(heard, states) == [("sent", False)]


def test_of_two_gateways_that_begin_together_one_listens_to_each_channel(
    heard: Fleet, telegram: TelegramServer, discord: DiscordServer
) -> None:
    bots = [telegram.add(f"{8_000 + number}:token_of_many", f"many{number}_bot") for number in range(12)]
    for bot in bots:
        heard.open_channel("telegram", bot.token)
    heard.open_channel("discord", discord.bot.token)
    telegram.calls.clear()
    begun = len(discord.gateway.identified)
    pair = [heard.start("gateway"), heard.start("gateway")]
    until(lambda: sum(listens(heard, process) for process in pair) == len(bots) + 1, 30)
    talks: list[Talks] = [OnTelegram(telegram, bot, private=1, groups=1) for bot in bots]
    talks.append(OnDiscord(discord, "Pair", private=1, channels=1))
    for talk in talks:
        for chat in talk.chats:
            talk.ask(chat)
    until(lambda: is_done(heard, talks), 30)
    for found in (talk.found() for talk in talks):
        assert found.is_clean and not found.doubled and not found.strays, found
    assert not [call for call in telegram.calls if call.status == 409]
    assert len(discord.gateway.identified) == begun + 1
    print([listens(heard, process) for process in pair], "channels are listened to by each")
