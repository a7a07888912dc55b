"""The product measured beside what one would write instead: make bench, or make bench QUICK=1.

Private PostgreSQL (it waits for the disk) and Redis, the server as in production on a core of its own, people and a
model that costs nothing on another. The whole run also writes the table of docs/performance.md.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvloop

from benchmarks import gateway, machine, measures, statements, webhooks
from benchmarks.deep import deep
from benchmarks.figures import Figure, Table
from benchmarks.loopback_model import Model, model
from benchmarks.machine import Cores, pin
from benchmarks.rounds import Bench
from benchmarks.targets import REFERENCE, Ground, product, reference, running
from tests import devservices


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is asked."""

    crowds: tuple[int, ...]
    seconds: float
    times: int
    sockets: tuple[int, ...]
    messages: int
    flood: int
    is_whole: bool


QUICK = Size(crowds=(20, 100), seconds=2, times=1, sockets=(1_000,), messages=5_000, flood=500,
             is_whole=False)  # fmt: skip
WHOLE = Size(crowds=(1, 20, 100, 500), seconds=4, times=3, sockets=(1_000, 5_000), messages=111_000, flood=5_000,
             is_whole=True)  # fmt: skip
ALLOWED = 0.5  # CPU of a turn by the reference's, where it is a gate: twice what it is
PARTS = ("start", "memory", "turns", "statements", "webhooks", "deep", "embedded", "gateway")


@contextmanager
def ground(cores: Cores) -> Iterator[tuple[Ground, Model, Path]]:
    """Stores and model on their cores, and PostgreSQL's log."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=devservices.PREFIX, dir=devservices.ROOM)))
        folder.chmod(0o711)
        (folder / "owner.pid").write_text(str(os.getpid()))
        pin(cores.stores)
        database = stack.enter_context(devservices.postgres(folder, durable=True))
        redis = stack.enter_context(devservices.redis(folder))
        pin(cores.client)
        speaker = stack.enter_context(model())
        yield Ground(folder, database, redis, speaker.url, cores.server), speaker, folder / "postgres/log"


async def compare(size: Size, parts: set[str], place: Ground, bench: Bench, log: Path, table: Table) -> None:
    """Everything that is measured beside the reference, in one run."""
    recipes = [product(place), reference(place)]
    if "start" in parts:
        await measures.starts(recipes, place, table, times=size.times)
    recipes += [reference(place, aiohttp=True)] if "turns" in parts and size.is_whole else []
    with ExitStack() as stack:
        targets = [stack.enter_context(running(recipe, place)) for recipe in recipes]
        if "memory" in parts:
            await measures.memory(targets[:2], table, crowds=size.sockets)
        for target in targets:
            await bench.greet(target)
        if "statements" in parts:
            await statements.statements(bench, targets[:2], table, log)
        if "turns" in parts:
            await measures.turns(bench, targets, table, crowds=size.crowds, seconds=size.seconds, times=size.times)
        if "webhooks" in parts:
            await webhooks.intake(bench, targets[0], table, seconds=size.seconds * 2)
            await webhooks.mixed(bench, targets[0], table, seconds=size.seconds * 4)
            await webhooks.flood(bench, targets[0], table, messages=size.flood)
        if "deep" in parts:
            await deep(targets[0], table, messages=size.messages)
        await bench.close()


async def ratio(place: Ground, bench: Bench) -> float:
    """CPU of a turn by the reference's: the least of three short rounds each."""
    with ExitStack() as stack:
        targets = [stack.enter_context(running(recipe, place)) for recipe in (product(place), reference(place))]
        for target in targets:
            await bench.greet(target)
        found = await bench.many(targets, "instant", users=20, seconds=3, times=3)
        await bench.close()
    ours, theirs = (min(one.cpu for one in found[target.name]) for target in targets)
    return ours / theirs


async def gate(cores: Cores) -> None:
    """Ends with 1 where a turn has become expensive. Of no time: of two figures of one run."""
    with ground(cores) as (place, speaker, _):
        found = await ratio(place, Bench(cores, speaker))
    print(f"CPU of a turn: {found:.2f} of the reference's; at most {ALLOWED} is let pass")
    if found > ALLOWED:
        raise SystemExit(1)


async def alone(size: Size, place: Ground, bench: Bench, table: Table) -> None:
    """The product on SQLite, without Redis."""
    with running(product(place, embedded=True), place) as target:
        await bench.greet(target)
        await measures.embedded(bench, target, table, seconds=size.seconds, times=size.times)
        await bench.close()


async def run(size: Size, parts: set[str], cores: Cores, table: Table) -> None:
    """Everything that was asked for."""
    with ground(cores) as (place, speaker, log):
        bench = Bench(cores, speaker)
        table.note(await speaker.ceiling())
        if parts - {"embedded", "gateway"}:
            await compare(size, parts, place, bench, log, table)
        if "embedded" in parts:
            await alone(size, place, bench, table)
        if "gateway" in parts:
            await many_bots(table)


async def many_bots(table: Table) -> None:
    """Many channels in one gateway, which has stores of its own."""
    for name, figure in (await asyncio.to_thread(gateway.figures)).items():
        table.add(Figure(name, (figure,)))


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--quick", action="store_true", help="three minutes; writes nothing")
    reader.add_argument("--gate", action="store_true", help="half a minute: ends with 1 where a turn is too expensive")
    reader.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}: these only; writes nothing")
    given = reader.parse_args()
    if not REFERENCE.exists():
        raise SystemExit("the reference has no .venv-bench yet: `make bench` makes it")
    cores, size, table = Cores.of_this_machine(), QUICK if given.quick else WHOLE, Table()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)  # sockets
    about = machine.about()
    print(f"{about}; server on core {cores.server}, client on {cores.client}, stores on {cores.stores}", flush=True)
    if os.getloadavg()[0] > 1:
        table.note(f"others used the machine when it began: {about}")
    if given.gate:
        uvloop.run(gate(cores))
        return
    uvloop.run(run(size, set(given.parts or (PARTS if size.is_whole else PARTS[:-1])), cores, table))
    print(f"\n{table.text()}")
    if size.is_whole and not given.parts:
        table.write(about)


if __name__ == "__main__":
    main()
