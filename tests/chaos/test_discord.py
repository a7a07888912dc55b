"""Discord, whose connection breaks, and whose gateway process dies, again and again."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Callable

import pytest

from tests.chaos.fleet import Fleet, seed_of_this_run
from tests.chaos.gateways import Toll, keep_killing, listening, states, until_done
from tests.chaos.talks import OnDiscord
from tests.fakes.discord_server import DiscordServer

pytestmark = pytest.mark.chaos
Fault = Callable[[Fleet, DiscordServer, Toll, Callable[[], bool]], None]


def breaks(made: Fleet, discord: DiscordServer, toll: Toll, over: Callable[[], bool]) -> None:
    """Every five seconds the connection ends, in turn so that it can be gone on with and so that it cannot."""
    while not over():
        end = time.monotonic() + 5
        while not over() and time.monotonic() < end:
            time.sleep(0.05)
        if not over():
            (discord.invalidate if toll.kills % 2 else discord.drop)()
            toll.kills += 1


def kills(made: Fleet, discord: DiscordServer, toll: Toll, over: Callable[[], bool]) -> None:
    """Every five seconds the process dies."""
    keep_killing(made, toll, over, seconds=5.0, once_ready=False)


@pytest.mark.parametrize("fault", [breaks, kills])
def test_a_hundred_and_fifty_messages(heard: Fleet, discord: DiscordServer, fault: Fault) -> None:
    judged(heard, OnDiscord(discord, f"Gate{fault.__name__}", private=20, channels=10), fault, each=5, seconds=12)


@pytest.mark.long
@pytest.mark.parametrize("fault", [breaks, kills])
def test_a_thousand_messages(heard: Fleet, discord: DiscordServer, fault: Fault) -> None:
    talks = OnDiscord(discord, f"Whole{fault.__name__}", private=30, channels=20)
    judged(heard, talks, fault, each=20, seconds=100)


def judged(made: Fleet, talks: OnDiscord, fault: Fault, *, each: int, seconds: float) -> None:
    """In every chat one question is answered first: of other chats nobody knows what was missed there."""
    made.open_channel("discord", talks.server.bot.token)
    identified, resumed = len(talks.server.gateway.identified), len(talks.server.gateway.resumed)
    first = listening(made)
    for chat in talks.chats:
        talks.ask(chat)
    asyncio.run(until_done(made, [talks], 60))
    if fault is kills:
        first.send(signal.SIGKILL)
        made.processes.remove(first)
    toll = asyncio.run(meanwhile(made, talks, fault, each=each - 1, seconds=seconds))
    found = talks.found()
    gateway = talks.server.gateway
    print(f"{toll.kills} {fault.__name__}, {len(gateway.identified) - identified} sessions begun, "
          f"{len(gateway.resumed) - resumed} resumed; {states(made)}\n{found}")  # fmt: skip
    assert toll.kills >= 2
    assert found.is_clean and not found.doubled, found


async def meanwhile(made: Fleet, talks: OnDiscord, fault: Fault, *, each: int, seconds: float) -> Toll:
    over, toll, chance = asyncio.Event(), Toll(), random.Random(seed_of_this_run())
    trouble = asyncio.create_task(asyncio.to_thread(fault, made, talks.server, toll, over.is_set))
    try:
        await asyncio.to_thread(talks.run, chance, each=(each, each), seconds=seconds, over=trouble.done)
        await until_done(made, [talks], seconds * 3 + 90)
    finally:
        over.set()
        await trouble
    return toll
