"""What a person who says stop cuts short, and what not."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from bots.providers.base import ProviderError
from conversations.stopping import Stop


async def fails() -> None:
    raise ProviderError("timeout", "broken")


async def fails_when_cut() -> None:
    try:
        await asyncio.sleep(60)
    finally:
        raise ProviderError("timeout", "broken")


async def goes_on_when_cut() -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(60)


async def test_work_that_nobody_stops_ends() -> None:
    assert await Stop().within(asyncio.sleep(0))


async def test_what_runs_is_cut_short_and_so_is_all_that_comes_after() -> None:
    stop = Stop()
    for wait in (0.01, 0.02):  # to ask twice is to ask once
        asyncio.get_running_loop().call_later(wait, stop.ask)
    async with asyncio.timeout(30):
        assert not await stop.within(asyncio.sleep(60))
        assert not await stop.within(asyncio.sleep(60))
        assert not await stop.within(goes_on_when_cut())
    assert stop.asked


async def test_to_ask_when_nothing_runs_breaks_nothing() -> None:
    stop = Stop()
    assert await stop.within(asyncio.sleep(0))
    stop.ask()
    assert stop.asked


async def test_a_failure_is_told_unless_it_comes_of_the_cut() -> None:
    stop = Stop()
    with pytest.raises(ProviderError, match="broken"):
        await stop.within(fails())
    asyncio.get_running_loop().call_later(0.01, stop.ask)
    async with asyncio.timeout(30):
        assert not await stop.within(fails_when_cut())


async def test_who_cancels_the_whole_turn_is_not_taken_for_a_stop() -> None:
    task = asyncio.create_task(Stop().within(asyncio.sleep(60)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
