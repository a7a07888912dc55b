"""Fleets that several tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.fleet import FAST, Fleet, fleet


@pytest.fixture(scope="session")
def ground() -> Iterator[Fleet]:
    """Stores, rows and a warm parent for all that need no faults of the judge."""
    with fleet() as made:
        yield made


@pytest.fixture
def made(ground: Fleet) -> Iterator[Fleet]:
    """A fleet without processes, nothing said yet."""
    yield ground
    ground.reset()


@pytest.fixture(scope="module")
def crashing() -> Iterator[Fleet]:
    """Processes that do everything themselves, with the shortest leases there are."""
    with fleet(broker=False, variables=FAST) as made:
        yield made
