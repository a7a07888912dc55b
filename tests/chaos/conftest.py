"""Fleets that several tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.fleet import FAST, Fleet, fleet


@pytest.fixture(scope="module")
def crashing() -> Iterator[Fleet]:
    """Processes that do everything themselves, with the shortest leases there are."""
    with fleet(broker=False, variables=FAST) as made:
        yield made
