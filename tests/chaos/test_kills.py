"""Processes die at random moments, under a load: nothing is lost, doubled or out of order."""

from __future__ import annotations

import asyncio
import random
import re
import signal
import time
from collections import Counter

import pytest

from tests.chaos.fleet import Fleet, seed_of_this_run
from tests.chaos.load import Load
from tests.chaos.verdict import Verdict, invariants, settled, verdict

pytestmark = pytest.mark.chaos


async def kill_every(made: Fleet, seconds: float, chance: random.Random, over: asyncio.Event) -> int:
    """SIGKILL of a random ready process, and a new one in its place; how many died."""
    count = 0
    while not over.is_set():
        try:
            await asyncio.wait_for(over.wait(), seconds)
        except TimeoutError:
            assert all(process.is_alive for process in made.processes), [made.told(p.log.name) for p in made.processes]
            ready = await asyncio.to_thread(made.ready)
            if len(ready) > 1:
                victim = chance.choice(ready)
                victim.send(signal.SIGKILL)
                made.processes.remove(victim)
                made.start(victim.role)
                count += 1
    return count


async def under_kills(made: Fleet, load: Load, *, every: float, **much: int) -> int:
    """Hand the load in, and kill until all of it is answered; how many died."""
    over = asyncio.Event()
    killer = asyncio.create_task(kill_every(made, every, random.Random(load.seed), over))
    await load.run(**much)
    while await asyncio.to_thread(settled, made, 1.0):
        continue
    over.set()
    return await killer


def events_of(made: Fleet) -> dict[str, int]:
    """What the judged logged, counted by its name."""
    named = (re.search(r'"event": ?"(\w+)"', line) for line in made.log_lines())
    return dict(Counter(found[1] for found in named if found))


def judged(made: Fleet, load: Load, *, every: float, seconds: float, **much: int) -> Verdict:
    """What became of it all; the invariants hold."""
    for role in ("web", "web", "worker", "worker"):
        made.start(role)
    made.await_ready(4)
    began = time.monotonic()
    kills = asyncio.run(asyncio.wait_for(under_kills(made, load, every=every, **much), seconds))
    found = verdict(made, load.acked)
    print(events_of(made), flush=True)
    print(f"{kills} kills in {time.monotonic() - began:.0f} s; {found}; {dict(load.statuses)}")
    assert kills >= 5
    invariants(made, found)
    return found


def test_two_thousand_messages_and_a_kill_every_second(made: Fleet) -> None:
    load = Load(made, "webhook", seed_of_this_run(), repeats=0.05)
    assert judged(made, load, chats=300, each=6, more=200, every=1.0, seconds=600).messages == 2_000


@pytest.mark.long
def test_ten_thousand_messages_a_fifth_of_them_twice_and_a_kill_every_five_seconds(made: Fleet) -> None:
    load = Load(made, "webhook", seed_of_this_run(), repeats=0.2)
    found = judged(made, load, chats=1_000, each=10, rate=30, every=5.0, seconds=1_500)
    assert found.messages == 10_000
    assert found.extra_calls <= 200
