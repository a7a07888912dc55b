"""Processes die at random moments and at every named boundary: nothing is lost, doubled or out of order."""

from __future__ import annotations

import asyncio
import random
import signal
import time

import pytest

from tests.chaos.fleet import Fleet, fleet, seed_of_this_run
from tests.chaos.load import Load
from tests.chaos.verdict import invariants, settled, verdict

pytestmark = pytest.mark.chaos


async def kill_every(made: Fleet, seconds: float, chance: random.Random, over: asyncio.Event) -> int:
    """SIGKILL of a random ready process, and a new one in its place; how many died."""
    count = 0
    while not over.is_set():
        try:
            await asyncio.wait_for(over.wait(), seconds)
        except TimeoutError:
            ready = await asyncio.to_thread(made.ready)
            if len(ready) > 1:
                victim = chance.choice(ready)
                victim.send(signal.SIGKILL)
                made.processes.remove(victim)
                made.start(victim.role)
                count += 1
    return count


async def under_kills(made: Fleet, load: Load, *, chats: int, each: int, every: float) -> int:
    over = asyncio.Event()
    killer = asyncio.create_task(kill_every(made, every, random.Random(load.seed), over))
    await load.run(chats=chats, each=each)
    while await asyncio.to_thread(settled, made, 1.0):
        assert load.seed is not None
    over.set()
    return await killer


def test_two_thousand_messages_and_a_kill_every_second() -> None:
    seed = seed_of_this_run()
    with fleet() as made:
        for role in ("web", "web", "worker", "worker"):
            made.start(role)
        made.await_ready(4)
        load = Load(made, "webhook", seed, repeats=0.1)
        began = time.monotonic()
        kills = asyncio.run(asyncio.wait_for(under_kills(made, load, chats=300, each=7, every=1.0), 150))
        found = verdict(made, load.acked)
        print(f"{kills} kills in {time.monotonic() - began:.0f} s; {found}; {dict(load.statuses)}")
        assert kills >= 10
        invariants(made, found)
