"""Configuration kept for a few seconds."""

from __future__ import annotations

import itertools

import pytest
from cachetools import TTLCache

from bots import remember


def test_one_that_runs_out_while_it_is_looked_up_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes on with every look at it: what was there at one moment is gone at the next."""
    clock = itertools.count()
    monkeypatch.setattr(remember, "TTLCache", lambda maxsize, ttl: TTLCache(maxsize, 10, timer=lambda: next(clock)))
    calls: list[int] = []

    @remember.remembered
    def configuration(number: int) -> int:
        calls.append(number)
        return number

    assert [configuration(1) for _ in range(300)] == [1] * 300
    assert len(calls) > 3


def test_it_is_asked_once_until_it_is_forgotten() -> None:
    calls: list[int] = []

    @remember.remembered
    def configuration(number: int) -> int:
        calls.append(number)
        return number

    assert [configuration(1), configuration(1), configuration(number=1)] == [1, 1, 1]
    assert len(calls) == 2
    remember.forget()
    assert configuration(1) == 1
    assert len(calls) == 3
