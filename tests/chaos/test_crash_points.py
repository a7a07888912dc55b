"""Processes die at every named boundary, tools included: nothing is lost, doubled, out of order or paid twice."""

from __future__ import annotations

import asyncio
import signal

import pytest

from bots.crash import POINTS
from tests.chaos.fleet import Fleet, seed_of_this_run, until
from tests.chaos.load import Load
from tests.chaos.verdict import settled, unknown_orders, verdict
from tests.environment import LONG

pytestmark = pytest.mark.chaos


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
