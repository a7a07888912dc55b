"""Other platforms' calls: how many a second are stored beside people who talk, and everything at once with a report."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence

import aiohttp
import psycopg

from benchmarks.figures import Figure, Goal, Table
from benchmarks.load import Timed, Visitor
from benchmarks.rounds import Bench, over, share
from benchmarks.targets import Target
from tests.fakes.webhook_receiver import signed

CALLERS = 20
WEBHOOKS_A_SECOND, REPORTS_A_SECOND = 10, 0.5
OTHERS, FLOOD_SECONDS = 10, 600


class Caller:
    """A platform that posts messages, and a member of staff who opens the report."""

    def __init__(self, target: Target, session: aiohttp.ClientSession) -> None:
        self.target, self.session = target, session
        self.hook = f"{target.address}/webhooks/webhook/{target.recipe.rows['webhook']}/"

    async def call(self, pace: str = "instant") -> None:
        """One message of somebody new, stored."""
        name = uuid.uuid4().hex
        body = json.dumps({"id": name, "chat_id": name, "sender_id": name, "text": f"{pace}: where?"}).encode()
        headers = signed(body, secret=self.target.recipe.rows["secret"], message_id=name)
        async with self.session.post(self.hook, data=body, headers=headers) as answer:
            assert answer.status == 200, answer.status

    async def report(self) -> None:
        """The first page of the reports."""
        cookies = {"sessionid": self.target.recipe.rows["session"]}
        async with self.session.get(f"{self.target.address}/analytics/", cookies=cookies) as answer:
            await answer.read()
            assert answer.status == 200, answer.status


async def intake(bench: Bench, target: Target, table: Table, *, seconds: float) -> None:
    """As many webhooks as go, beside fifty people whose answers come at 50 tokens a second."""
    async with aiohttp.ClientSession() as session:
        caller = Caller(target, session)
        talking = asyncio.create_task(bench.crowds[target.name].talk("paced", users=50, seconds=seconds))
        await asyncio.sleep(0.5)
        began = time.monotonic()
        callers = await asyncio.gather(*(_again(caller.call, seconds) for _ in range(CALLERS)))
        times = sorted(one for caller_times in callers for one in caller_times)
        rate = len(times) / (time.monotonic() - began)
        _, total = over(await talking, "paced")
        waited = await _settled(target)
    name = f"webhooks stored/s beside 50 turns at 50 tokens/s ({CALLERS} callers)"
    table.add(Figure(name, (f"{rate:.0f}, p50 {share(times, 0.5):.0f} ms, p99 {share(times, 0.99):.0f} ms",)))
    told = f"+{share(total, 0.5):.0f} ms; the last of {len(times)} answered {waited:.1f} s after"
    table.add(Figure("… and the turns' p50; all webhooks answered", (told,)))


async def mixed(bench: Bench, target: Target, table: Table, *, seconds: float) -> None:
    """Twenty people at 50 tokens a second, ten webhooks a second, a report every other second."""
    async with aiohttp.ClientSession() as session:
        caller, before = Caller(target, session), target.cpu
        talking = asyncio.create_task(bench.crowds[target.name].talk("paced", users=20, seconds=seconds))
        hooks, reports = await asyncio.gather(
            _steadily(caller.call, WEBHOOKS_A_SECOND, seconds), _steadily(caller.report, REPORTS_A_SECOND, seconds)
        )
        turns: list[Timed] = await talking
        busy = (target.cpu - before) / seconds
        await _settled(target)
    _, total = over(turns, "paced")
    told = f"turns +{share(total, 0.5):.0f} / +{share(total, 0.99):.0f}, webhooks {share(hooks, 0.5):.0f} /"
    told += f" {share(hooks, 0.99):.0f}, report {share(reports, 0.5):.0f} / {share(reports, 0.99):.0f}"
    name = "mixed: 20 people, 10 webhooks/s, a report every 2 s: ms p50 / p99"
    table.add(Figure(name, (f"{told}; {busy:.0%} of the core",)))


async def flood(bench: Bench, target: Target, table: Table, *, messages: int) -> None:
    """What ten people wait at 50 tokens a second while so many messages of another channel are answered."""
    people = [bench.crowds[target.name].visitors[number] for number in range(OTHERS)]
    alone = [seconds for _ in range(3) for seconds in await _asked(people)]
    async with aiohttp.ClientSession() as session:
        caller, left = Caller(target, session), iter(range(messages))

        async def pour() -> None:
            for _ in left:
                await caller.call("paced")

        began, beside = time.monotonic(), []
        async with asyncio.timeout(FLOOD_SECONDS), asyncio.TaskGroup() as group:
            poured = [group.create_task(pour()) for _ in range(CALLERS)]
            while not all(task.done() for task in poured) or await asyncio.to_thread(_unsettled, target):
                beside += await _asked(people)
    slow, usual = share(sorted(beside), 0.95), share(sorted(alone), 0.95)
    told = f"{slow:.2f} s, {usual:.2f} s alone; all answered after {time.monotonic() - began:.0f} s"
    name = f"{OTHERS} people beside another channel's {messages:,} messages: p95 of an answer at 50 tokens/s"
    table.add(Figure(name, (told,), Goal(f"≤ 2 × ({slow / usual:.2f})", slow / usual, 2)))


async def _asked(people: Sequence[Visitor]) -> list[float]:
    """Seconds until each has its answer."""

    async def ask(visitor: Visitor) -> float:
        await asyncio.sleep(visitor.wait())
        return (await visitor.ask("paced: where is my parcel?")).total

    return await asyncio.gather(*(ask(visitor) for visitor in people))


async def _again(work: Callable[[], Awaitable[None]], seconds: float) -> list[float]:
    """Milliseconds of each, one after the other."""
    end, times = time.monotonic() + seconds, []
    while time.monotonic() < end:
        times.append(await _timed(work))
    return times


async def _steadily(work: Callable[[], Awaitable[None]], per_second: float, seconds: float) -> list[float]:
    """Milliseconds of each, sorted; begun at this pace however long each takes."""
    tasks = []
    for _ in range(max(1, round(per_second * seconds))):
        tasks.append(asyncio.create_task(_timed(work)))
        await asyncio.sleep(1 / per_second)
    return sorted(await asyncio.gather(*tasks))


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await work()
    return (time.perf_counter() - began) * 1000


async def _settled(target: Target, patience: float = 120) -> float:
    """Seconds until no turn waits any more."""
    began = time.monotonic()
    while time.monotonic() - began < patience:
        if not _unsettled(target):
            break
        await asyncio.sleep(0.1)
    return time.monotonic() - began


def _unsettled(target: Target) -> bool:
    """Whether there are messages and turns that wait."""
    left = """SELECT (SELECT count(*) FROM conversations_turn WHERE state IN ('queued', 'running'))
              + (SELECT count(*) FROM channels_integrations_rawevent WHERE state <> 'done')"""
    with psycopg.connect(target.recipe.database) as connection:
        row = connection.execute(left).fetchone()
    return bool(row and row[0])
