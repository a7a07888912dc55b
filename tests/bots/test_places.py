"""Places: never more than there are, nobody passed over, nothing lost with who gives up waiting."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Hashable

from bots.places import QUEUE, Places


class Crowd:
    """Those who come for places and stay until they are sent away. `served`: names in the order they got one."""

    def __init__(self, total: int) -> None:
        self.places = Places(total)
        self.served: list[str] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._leave: dict[str, asyncio.Event] = {}

    async def come(self, key: Hashable, *names: str) -> None:
        for name in names:
            self._leave[name] = asyncio.Event()
            self._tasks[name] = asyncio.create_task(self._stay(key, name))
            await asyncio.sleep(0)

    async def _stay(self, key: Hashable, name: str) -> None:
        async with self.places.taken_by(key):
            self.served.append(name)
            await self._leave[name].wait()

    async def go(self, *names: str) -> None:
        for name in names:
            self._leave[name].set()
            await self._tasks[name]
        await turns()

    async def give_up(self, name: str) -> None:
        self._tasks[name].cancel()
        await asyncio.gather(self._tasks[name], return_exceptions=True)


async def turns() -> None:
    """Let everybody who can go on go on."""
    for _ in range(5):
        await asyncio.sleep(0)


def numbered(name: str, count: int) -> list[str]:
    return [f"{name}{number}" for number in range(count)]


def is_empty(places: Places) -> bool:
    return (places.taken, places.waiting, dict(places._held), dict(places._queues)) == (0, 0, {}, {})


async def test_there_are_no_more_than_that_and_the_first_comes_first() -> None:
    crowd = Crowd(1)
    await crowd.come("a", "one", "two", "three")
    assert (crowd.served, crowd.places.taken, crowd.places.waiting) == (["one"], 1, 2)
    await crowd.go("one")
    assert crowd.served == ["one", "two"]
    await crowd.go("two", "three")
    assert crowd.served == ["one", "two", "three"] and is_empty(crowd.places)


async def test_a_busy_key_leaves_a_place_for_another() -> None:
    crowd = Crowd(10)
    await crowd.come("busy", *numbered("x", 50))
    assert (crowd.places.taken, crowd.places.waiting) == (8, 42)
    assert crowd.places.is_full("busy") and not crowd.places.is_full("other")
    await crowd.come("other", "y")
    assert crowd.served[-1] == "y"


async def test_keys_are_served_in_turn() -> None:
    crowd = Crowd(1)
    await crowd.come(None, "first")
    await crowd.come("a", "a0", "a1", "a2")
    await crowd.come("b", "b0", "b1")
    await crowd.come("c", "c0")
    while crowd.places.waiting:
        await crowd.go(crowd.served[-1])
    assert crowd.served[1:] == ["a0", "b0", "c0", "a1", "b1", "a2"]


async def test_who_comes_later_does_not_overtake_its_own() -> None:
    crowd = Crowd(5)
    await crowd.come("a", *numbered("a", 5))  # four are there, one waits, a place is free
    assert crowd.places.taken == 4
    await crowd.come("a", "late")
    await crowd.go("a0")
    assert crowd.served[-1] == "a4"


async def test_who_gives_up_waiting_loses_nobody_a_place() -> None:
    crowd = Crowd(1)
    await crowd.come("a", "one", "two", "three")
    await crowd.give_up("two")
    assert crowd.places.waiting == 1
    await crowd.go("one")
    assert crowd.served == ["one", "three"]
    await crowd.go("three")
    assert is_empty(crowd.places)


async def test_who_is_cancelled_in_the_moment_of_getting_one_passes_it_on() -> None:
    crowd = Crowd(1)
    await crowd.places.take("a")
    await crowd.come("a", "two", "three")
    crowd.places.free("a")  # "two" has the place and does not know it yet
    await crowd.give_up("two")
    await turns()
    assert crowd.served == ["three"]
    await crowd.go("three")
    assert is_empty(crowd.places)


async def test_who_was_cancelled_a_moment_before_is_not_given_one() -> None:
    crowd = Crowd(1)
    await crowd.come("a", "one", "two", "three")
    crowd._tasks["two"].cancel()  # and has not heard of it yet
    await crowd.go("one")
    assert crowd.served == ["one", "three"]
    await crowd.go("three")
    assert is_empty(crowd.places)


async def test_a_key_has_its_part_of_those_who_wait() -> None:
    crowd = Crowd(2)
    await crowd.come("a", *numbered("a", 1 + 2 * QUEUE))
    assert crowd.places.is_crowded("a") and not crowd.places.is_crowded("b")
    await crowd.come("b", *numbered("b", QUEUE))
    assert not crowd.places.is_crowded("b")
    await crowd.come("b", "b-next")
    assert crowd.places.is_crowded("b")


async def test_whatever_happens_the_sums_are_right() -> None:
    """Thousands who come, leave and give up at random; in the end nobody waits and nothing is held."""
    chance, crowd = random.Random(7), Crowd(7)
    inside: Counter[str] = Counter()

    async def visit(key: str) -> None:
        async with crowd.places.taken_by(key):
            inside[key] += 1
            assert inside.total() <= 7 and inside[key] <= 5
            try:
                for _ in range(chance.randrange(4)):
                    await asyncio.sleep(0)
            finally:
                inside[key] -= 1

    tasks: list[asyncio.Task[None]] = []
    for number in range(3_000):
        tasks.append(asyncio.create_task(visit(chance.choice("aaaaab"))))
        if number % 3 == 0:
            await asyncio.sleep(0)
        if number % 5 == 0:
            chance.choice(tasks[-30:]).cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert not [each for each in done if each is not None and not isinstance(each, asyncio.CancelledError)]
    assert is_empty(crowd.places)
