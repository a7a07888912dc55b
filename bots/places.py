"""A bounded number of places, shared fairly: who comes when all are taken waits, and each key is served in its turn."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Hashable

QUEUE = 10  # as many times the places wait at most, each key its part of them

_Waiter = asyncio.Future[None]


class Places:
    """`async with places.taken_by(key)`. Within a key first come, first served; between keys round robin.

    A key, such as a channel, holds four fifths of the places at most, so that another finds one at once. Of one event
    loop; whether it is full may be asked on any thread.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.taken = 0
        self.waiting = 0
        self._held: dict[Hashable, int] = {}
        self._queues: OrderedDict[Hashable, OrderedDict[_Waiter, None]] = OrderedDict()

    def taken_by(self, key: Hashable) -> Place:
        """A place as a context; to enter it is to wait for it."""
        return Place(self, key)

    def is_full(self, key: Hashable) -> bool:
        """Whether who comes for this key has to wait."""
        return key in self._queues or self.taken >= self.total or not self._may_have_more(key)

    def is_crowded(self, key: Hashable) -> bool:
        """Whether as many wait for this key as shall."""
        here = self._queues.get(key)
        return here is not None and len(here) >= max(1, QUEUE * self.total // len(self._queues))

    async def take(self, key: Hashable) -> None:
        """Wait for a place, to be given back by `free`; whoever is cancelled meanwhile holds none."""
        if not self.is_full(key):
            self._give(key)
            return
        waiter: _Waiter = asyncio.get_running_loop().create_future()
        self._queues.setdefault(key, OrderedDict())[waiter] = None
        self.waiting += 1
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                self._forget(key, waiter)
            else:  # it was given a moment before
                self.free(key)
            raise

    def free(self, key: Hashable) -> None:
        """Give a place back; whoever is next has it."""
        self.taken -= 1
        self._held[key] -= 1
        if not self._held[key]:
            del self._held[key]
        while self.taken < self.total and self._serve():
            pass

    def _serve(self) -> bool:
        """Whether there was somebody to serve: the next of the key that has waited longest for its turn."""
        key = next(filter(self._may_have_more, self._queues), self)  # one is passed over at most: two are never at 4/5
        if key is self:
            return False
        queue = self._queues.pop(key)
        waiter, _ = queue.popitem(last=False)
        if queue:
            self._queues[key] = queue  # behind the others
        self.waiting -= 1
        if not waiter.cancelled():
            self._give(key)
            waiter.set_result(None)
        return True

    def _give(self, key: Hashable) -> None:
        self.taken += 1
        self._held[key] = self._held.get(key, 0) + 1

    def _forget(self, key: Hashable, waiter: _Waiter) -> None:
        queue = self._queues.get(key)
        if queue is not None and waiter in queue:
            self.waiting -= 1
            del queue[waiter]
            if not queue:
                del self._queues[key]

    def _may_have_more(self, key: Hashable) -> bool:
        return self._held.get(key, 0) < max(1, self.total * 4 // 5)


class Place:
    """One of them, for as long as its context lasts."""

    __slots__ = ("_key", "_places")

    def __init__(self, places: Places, key: Hashable) -> None:
        self._places = places
        self._key = key

    async def __aenter__(self) -> None:
        await self._places.take(self._key)

    async def __aexit__(self, *error: object) -> None:
        self._places.free(self._key)
