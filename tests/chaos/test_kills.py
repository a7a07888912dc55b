"""Processes die at random moments and at every named boundary: nothing is lost, doubled or out of order."""

from __future__ import annotations

import asyncio
import random
import re
import signal
import time
from collections import Counter

import pytest

from bots.crash import POINTS
from tests.chaos.fleet import LONG, Fleet, seed_of_this_run, until
from tests.chaos.load import Load
from tests.chaos.verdict import Verdict, invariants, settled, unknown_orders, verdict

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


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_at_each_boundary(point: str, crashing: Fleet) -> None:
    """Five die there, or fifty. Each message pays an order too: whoever dies, none is paid twice, none unflagged."""
    for turn in range(10 if LONG else 1):
        crash_five_times(crashing, point, f"{point.replace(' ', '-')}-{turn}")


def crash_five_times(made: Fleet, point: str, chat: str) -> None:
    before = len(made.records("effect"))
    victims = [made.start("web", crash_at=point) for _ in range(5)]
    made.await_ready(len(victims))
    load = Load(made, "webhook", seed_of_this_run(), text=lambda chat, number: f"pay {chat}/{number}")
    load.prefix = chat

    async def attack() -> None:
        hand_in = asyncio.create_task(load.run(chats=5, each=1_000, rate=50))
        while any(victim.is_alive for victim in victims):  # noqa: ASYNC110  other processes
            await asyncio.sleep(0.05)
        made.forget_dead()
        made.start("web")
        load.over = True
        await hand_in

    asyncio.run(asyncio.wait_for(attack(), 60))
    assert not settled(made, 60)
    made.processes[-1].send(signal.SIGKILL)
    until(lambda: not made.ready(), 10)
    made.forget_dead()
    check_effects(made, load, before)


def check_effects(made: Fleet, load: Load, before: int) -> None:
    """Each message answered once and in order; each order paid at most once, and one that may not be is flagged."""
    found = verdict(made, load.acked)
    assert not found.lost and not found.doubled and not found.out_of_order, found
    orders = [record["order"] for record in made.records("effect")[before:]]
    assert len(orders) == len(set(orders)), orders
    unknown = unknown_orders(made)
    for texts in load.acked.values():
        for text in texts:
            order = text.removeprefix("pay ")
            assert order in orders or order in unknown, (order, unknown)
