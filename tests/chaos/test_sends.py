"""Platforms that refuse, hang and forget; the same call many times at once; processes that sleep and are replaced."""

from __future__ import annotations

import asyncio
import json
import signal
import time

import aiohttp
import pytest

from tests.chaos.fleet import Fleet, fleet, seed_of_this_run, until
from tests.chaos.load import Load
from tests.chaos.verdict import ask, invariants, settled, verdict
from tests.environment import LONG
from tests.fakes.webhook_receiver import signed

pytestmark = pytest.mark.chaos

PATIENT = {"SEND_SECONDS": "6"}  # a refusal that comes after it is not heard, and the next try then only looks early


def test_a_third_of_the_sends_refused_and_a_tenth_taken_without_an_answer() -> None:
    seed = seed_of_this_run()
    with fleet(faults={"refuse": 0.3, "hang": 0.1, "seed": seed}, variables=PATIENT) as made:
        made.start("web"), made.start("worker")
        made.await_ready(2)
        loads = [Load(made, kind, seed) for kind in ("keyed", "plain")]

        async def both() -> None:
            await asyncio.gather(*(load.run(chats=50, each=10 if LONG else 2) for load in loads))

        asyncio.run(both())
        assert not settled(made, 120)
        assert not made.records("early")
        keyed, plain = (verdict(made, load.acked) for load in loads)
        print(f"keyed: {keyed}\nplain: {plain}\n{len(made.records('refused'))} refused, {len(made.records('repeat'))}"
              " repeats known by their key")  # fmt: skip
        for found in (keyed, plain):
            assert not found.lost and not found.out_of_order, found
            assert found.states["deliveries"].keys() <= {"sent", "unknown"}, found
        assert not keyed.doubled
        assert len(plain.doubled) <= flagged(made, "plain")
        times = [record["id"] for record in made.records("sent")]
        assert max(times.count(name) for name in set(times)) <= 2  # a second time at most, and flagged


def flagged(made: Fleet, kind: str) -> int:
    return int(ask(made, f"""
        SELECT count(*) FROM conversations_delivery d JOIN conversations_message m ON m.id = d.message_id
        JOIN channels_integrations_channelconfig c ON c.id = m.channel_id WHERE c.kind = '{kind}' AND d.ambiguous
    """)[0][0])  # noqa: S608  # fmt: skip


def test_the_same_call_sixteen_times_at_one_instant(made: Fleet) -> None:
    ids = 1_000 if LONG else 60
    webs = [made.start("web"), made.start("web")]
    made.start("worker")
    made.await_ready(3)

    async def attack() -> set[int]:
        connector = aiohttp.TCPConnector(limit=64)
        async with aiohttp.ClientSession(connector=connector) as session:
            return {code for number in range(ids) for code in await sixteen(session, number)}

    async def sixteen(session: aiohttp.ClientSession, number: int) -> list[int]:
        body = json.dumps({"id": str(number), "chat_id": str(number), "sender_id": "p", "text": str(number)}).encode()
        path, headers = f"/webhooks/webhook/{made.rows['webhook']}/", signed(body)

        async def one(place: int) -> int:
            async with session.post(webs[place % 2].address + path, data=body, headers=headers) as answer:
                return answer.status

        return list(await asyncio.gather(*(one(place) for place in range(16))))

    assert asyncio.run(attack()) == {200}
    assert not settled(made, 60)
    found = verdict(made, {str(number): [str(number)] for number in range(ids)})
    print(found)
    invariants(made, found)
    assert ask(made, "SELECT count(*) FROM channels_integrations_rawevent") == [(ids,)]


def test_a_holder_that_sleeps_through_its_lease_changes_nothing() -> None:
    with fleet(broker=False) as made:
        made.start("web")
        made.await_ready(1)
        load = Load(made, "webhook", seed_of_this_run(), text=lambda chat, number: f"long {40 + number}")
        sleeper = made.processes[0]
        asyncio.run(load.run(chats=1, each=1))
        until(lambda: made.records("model"), 10)
        sleeper.send(signal.SIGSTOP)
        other = made.start("web")
        until(lambda: other.is_ready, 20)
        assert not settled(made, 30)
        sleeper.send(signal.SIGCONT)
        until(lambda: metric(sleeper.address, "switchboard_fenced_writes_total") == 1.0, 20)
        time.sleep(1)
        assert len(made.records("sent")) == 1
        assert ask(made, "SELECT state, attempts FROM conversations_turn") == [("done", 2)]
        answers = "SELECT count(*) FROM conversations_message WHERE role = 'assistant'"
        assert ask(made, answers) == [(1,)]


def metric(address: str, name: str) -> float:
    async def get() -> str:
        async with aiohttp.ClientSession() as session, session.get(f"{address}/metrics") as answer:
            return await answer.text()

    for line in asyncio.run(get()).splitlines():
        if line.startswith(name):
            return float(line.rpartition(" ")[2])
    return -1.0


def test_every_process_replaced_again_and_again(made: Fleet) -> None:
    """SIGTERM to one after another; the next is up before the last is gone, as a deployment does it."""
    seconds, rate = (60.0, 30.0) if LONG else (9.0, 20.0)
    for role in ("web", "web", "worker", "worker"):
        made.start(role)
    made.await_ready(4)
    load = Load(made, "webhook", seed_of_this_run())

    async def roll() -> None:
        while True:
            await asyncio.sleep(2)
            old = made.processes.pop(0)
            made.start(old.role)
            old.send(signal.SIGTERM)

    async def run() -> None:
        rolling = asyncio.create_task(roll())
        await load.run(chats=60, each=round(seconds * rate / 60), rate=rate)
        rolling.cancel()

    asyncio.run(run())
    assert not settled(made, 60)
    found = verdict(made, load.acked)
    delays = sorted(delay for (delay,) in ask(made, """
        SELECT extract(epoch FROM d.sent_at - r.created_at)::float FROM conversations_delivery d
        JOIN conversations_message m ON m.id = d.message_id JOIN conversations_turn r ON r.id = m.turn_id
    """))  # fmt: skip
    print(f"{found}; delay p50 {delays[len(delays) // 2]:.1f} s, p99 {delays[int(len(delays) * 0.99)]:.1f} s")
    invariants(made, found)
    assert delays[int(len(delays) * 0.99)] <= 15
