"""A store that did not answer is left alone for a while, so that nobody waits for it again and again."""

from __future__ import annotations

import time

SECONDS = 5.0


class Silence:
    """`begin` after a failure; while `holds`, do without the store."""

    def __init__(self) -> None:
        self._until = 0.0

    @property
    def holds(self) -> bool:
        """Whether the store is not to be asked now."""
        return time.monotonic() < self._until

    def begin(self) -> None:
        """Not for the next seconds."""
        self._until = time.monotonic() + SECONDS

    def end(self) -> None:
        """Ask it again."""
        self._until = 0.0
