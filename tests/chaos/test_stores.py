"""Redis stopped and emptied, PostgreSQL restarted under load: nothing is lost, and senders hear 200 or 503."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import aiohttp
import psycopg
import pytest
import redis

from tests import devservices
from tests.chaos.fleet import Fleet, seed_of_this_run, until
from tests.chaos.load import Load
from tests.chaos.verdict import ask, invariants, settled, verdict
from tests.environment import LONG

pytestmark = pytest.mark.chaos


def started(made: Fleet) -> None:
    for role in ("web", "web", "worker"):
        made.start(role)
    made.await_ready(3)


def test_redis_stopped_and_then_emptied_again_and_again(made: Fleet) -> None:
    away, emptied = (60, 12) if LONG else (4, 2)
    started(made)
    load = Load(made, "webhook", seed_of_this_run())

    async def trouble() -> None:
        stopped = await asyncio.to_thread(stop_redis, made)
        await asyncio.sleep(away)
        assert {answer["status"] for answer in await readiness(made)} == {"degraded"}
        await asyncio.to_thread(stopped)
        for _ in range(emptied):
            await asyncio.sleep(5 if LONG else 1.5)
            await asyncio.to_thread(redis.Redis.from_url(made.redis).flushall)

    async def run() -> None:
        troubled = asyncio.create_task(trouble())
        await load.run(chats=40, each=160 if LONG else 5, rate=20)
        await troubled

    asyncio.run(run())
    assert not settled(made, 60)
    found, delays = verdict(made, load.acked), waits(made)
    print(f"{found}; {dict(load.statuses)}; delay p95 {delays[int(len(delays) * 0.95)]:.1f} s")
    invariants(made, found)
    assert set(load.statuses) == {200}


def stop_redis(made: Fleet) -> Callable[[], None]:
    """Redis is gone; the call that brings it back, empty."""
    port = urlsplit(made.redis).port or 0
    pid = int((made.folder / "redis.pid").read_text())
    os.kill(pid, signal.SIGKILL)

    def again() -> None:
        made.stack.enter_context(devservices.redis(made.folder, port))

    return again


async def readiness(made: Fleet) -> list[dict[str, str]]:
    async with aiohttp.ClientSession() as session:
        found = []
        for web in made.ready("web"):
            async with session.get(f"{web.address}/ready") as answer:
                found.append(await answer.json())
        return found


def waits(made: Fleet) -> list[float]:
    """Seconds from a message's arrival until its answer was sent, shortest first."""
    return sorted(delay for (delay,) in ask(made, """
        SELECT extract(epoch FROM d.sent_at - t.created_at)::float FROM conversations_delivery d
        JOIN conversations_message m ON m.id = d.message_id JOIN conversations_turn t ON t.id = m.turn_id
    """))  # fmt: skip


def test_postgres_crashes_three_times(made: Fleet) -> None:
    pause = 15 if LONG else 2
    started(made)
    load = Load(made, "webhook", seed_of_this_run())
    recovered: list[float] = []

    async def trouble() -> None:
        for _ in range(3):
            await asyncio.sleep(pause)
            await asyncio.to_thread(made.restart_database)
            recovered.append(await asyncio.to_thread(until_stored, made))

    async def run() -> None:
        troubled = asyncio.create_task(trouble())
        await load.run(chats=40, each=30 if LONG else 5, rate=20)
        await troubled

    asyncio.run(run())
    assert not settled(made, 60)
    found = verdict(made, load.acked)
    print(f"{found}; {dict(load.statuses)}; answering again after {[round(s, 1) for s in recovered]} s")
    assert set(load.statuses) <= {200, 503}
    assert max(recovered) <= 5
    invariants(made, found)


def until_stored(made: Fleet) -> float:
    """Seconds until every web process is ready once more."""
    began = time.monotonic()

    def all_ready() -> bool:
        return all(answer["status"] == "ok" for answer in asyncio.run(readiness(made)))

    until(all_ready, 30)
    return time.monotonic() - began


def test_with_every_other_connection_taken_or_a_table_locked_messages_still_come_in(made: Fleet) -> None:
    started(made)
    load = Load(made, "webhook", seed_of_this_run())

    async def run() -> None:
        loading = asyncio.create_task(load.run(chats=20, each=1_000, rate=20))
        stored = []
        taken = await asyncio.to_thread(take_all_connections, made)
        try:
            before = load.statuses[200]
            await asyncio.sleep(2)
            stored.append(load.statuses[200] - before)
            for connection in taken[1:]:
                connection.close()
            taken[0].execute("BEGIN; LOCK TABLE conversations_message IN ACCESS EXCLUSIVE MODE")
            before = load.statuses[200]
            await asyncio.sleep(3)
            stored.append(load.statuses[200] - before)
        finally:
            taken[0].close()
        load.over = True
        await loading
        print(stored)
        assert min(stored) > 5, stored  # of forty and sixty: a raw event is all that is stored before the 2xx

    asyncio.run(run())
    assert not settled(made, 60)
    found = verdict(made, load.acked)
    print(f"{found}; {dict(load.statuses)}")
    assert set(load.statuses) <= {200, 503}
    invariants(made, found)


def take_all_connections(made: Fleet) -> list[psycopg.Connection[tuple[object, ...]]]:
    """Every connection that PostgreSQL still had to give."""
    taken = []
    with contextlib.suppress(psycopg.OperationalError):
        while True:
            taken.append(psycopg.connect(made.database, autocommit=True))
    return taken
