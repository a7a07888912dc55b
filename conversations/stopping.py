"""How a running answer is stopped: what it waits for is cut short, with no task of its own beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from bots.providers.base import ProviderError


class Stop:
    """Of one turn, on its event loop. `asked`: somebody wants the answer to end where it is."""

    def __init__(self) -> None:
        self.asked = False
        self._cut: asyncio.Timeout | None = None

    def ask(self) -> None:
        """From now on."""
        if not self.asked and self._cut is not None:
            self._cut.reschedule(0)
        self.asked = True

    async def within(self, work: Awaitable[object]) -> bool:
        """Whether `work` came to its end before anybody asked."""
        cut = self._cut = asyncio.timeout(0 if self.asked else None)
        try:
            async with cut:
                await work
        except (TimeoutError, ProviderError):  # the cut itself, or what a client makes of it
            if not cut.expired():
                raise
        finally:
            self._cut = None
        return not cut.expired()
