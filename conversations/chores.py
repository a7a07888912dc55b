"""Work that is rung for by a key, such as a channel to read: one at a time for each, and again when rung meanwhile."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog
from django.conf import settings
from django.db import Error

log = structlog.get_logger(__name__)

Work = Callable[[uuid.UUID], Awaitable[float | None]]  # seconds until there is more to do; None: nothing is left
Background = Callable[[Coroutine[Any, Any, None]], None]


class Chores:
    """`work` for whatever is rung. What a database's outage interrupts is left to the sweeper."""

    def __init__(self, name: str, work: Work, background: Background) -> None:
        self._name = name
        self._work = work
        self._background = background
        self._going: dict[uuid.UUID, bool] = {}  # and whether it was rung meanwhile

    def ring(self, key: uuid.UUID) -> None:
        """Do it, now or when what is being done is done."""
        if key in self._going:
            self._going[key] = True
            return
        self._going[key] = False
        self._background(self._go(key))

    async def _go(self, key: uuid.UUID) -> None:
        wait, again = None, True
        try:
            while again:
                self._going[key] = False
                wait = await self._work(key)
                again = self._going[key] and wait is None
        except Error as error:
            log.warning("left_to_sweeper", work=self._name, error=type(error).__name__)
        finally:
            del self._going[key]
        if wait is not None and wait < settings.SWEEP_SECONDS:
            asyncio.get_running_loop().call_later(wait, self.ring, key)
