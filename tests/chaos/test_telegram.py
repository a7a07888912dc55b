"""Telegram, asked for messages by a process that dies again and again."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.chaos.fleet import Fleet, seed_of_this_run
from tests.chaos.gateways import Toll, flagged_texts, is_done, keep_killing, states, until_done
from tests.chaos.talks import Found, OnTelegram
from tests.fakes.telegram_server import Account, TelegramServer

pytestmark = pytest.mark.chaos


def test_three_hundred_updates_and_a_kill_two_seconds_after_each_start(
    heard: Fleet, telegram: TelegramServer, bot: Account
) -> None:
    judged(heard, OnTelegram(telegram, bot, private=70, groups=30), each=(3, 3), seconds=15, kills=3)


@pytest.mark.long
def test_two_thousand_updates_and_a_kill_two_seconds_after_each_start(
    heard: Fleet, telegram: TelegramServer, bot: Account
) -> None:
    judged(heard, OnTelegram(telegram, bot, private=250, groups=125), each=(4, 8), seconds=120, kills=10_000)


def judged(made: Fleet, talks: OnTelegram, *, each: tuple[int, int], seconds: float, kills: int) -> None:
    """`each`: questions of each private chat, and of each group. After so many `kills` it ends once all is said."""
    made.open_channel("telegram", talks.bot.token)
    toll = asyncio.run(under_kills(made, talks, each=each, seconds=seconds, kills=kills))
    private, groups = talks.found(lambda chat: not talks.is_shared(chat)), talks.found(talks.is_shared)
    print(f"{toll}; {states(made)}\nprivate: {private}\ngroups: {groups}")
    assert toll.kills >= 3
    assert private.is_clean and groups.is_clean, (private, groups)
    assert not groups.doubled
    assert groups.strays <= len(toll.placing)
    assert not private.strays
    check_doubles(made, private, toll)


async def under_kills(made: Fleet, talks: OnTelegram, *, each: tuple[int, int], seconds: float, kills: int) -> Toll:
    over, toll, chance = asyncio.Event(), Toll(), random.Random(seed_of_this_run())
    killing = asyncio.create_task(
        asyncio.to_thread(keep_killing, made, toll, over.is_set, seconds=2.0, once_ready=True)
    )
    try:
        await asyncio.to_thread(talks.run, chance, each=each, seconds=seconds, over=killing.done)
        while toll.kills < kills and not await asyncio.to_thread(is_done, made, [talks]):  # noqa: ASYNC110  other processes
            await asyncio.sleep(0.1)
        over.set()
        await until_done(made, [talks], seconds * 5 + 60)
    finally:
        over.set()
        await killing
    return toll


def check_doubles(made: Fleet, private: Found, toll: Toll) -> None:
    """At most one for each send that was under way at a kill, or took too long, and each says so."""
    flagged = flagged_texts(made)
    for text in private.doubled:
        assert any(sent.startswith(f"echo: {text}") for sent in flagged), text
    late = sum("the platform did not answer" in line for line in made.log_lines())
    assert sum(private.doubled.values()) - len(private.doubled) <= len(toll.sending) + late
