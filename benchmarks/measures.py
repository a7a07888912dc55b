"""What is asked of the targets, each a function that adds its figures to the table."""

from __future__ import annotations

import time
from collections.abc import Sequence

from benchmarks.figures import Figure, Goal, Table
from benchmarks.load import Crowd
from benchmarks.rounds import Bench, Round, best, share
from benchmarks.targets import Ground, Recipe, Target, running

ADDED = {("instant", 1): 12, ("instant", 20): 150, ("paced", 100): 250}  # ms of p50 that may be added


async def turns(bench: Bench, targets: Sequence[Target], table: Table, *, crowds: Sequence[int], seconds: float,
                times: int) -> None:  # fmt: skip
    """CPU and rate of a turn, and what it adds to the model's time, for each number of people at each pace."""
    for pace in ("instant", "paced"):
        for users in crowds:
            length = seconds if pace == "instant" else max(seconds, 4.0)
            found = await bench.many(targets, pace, users=users, seconds=length, times=times)
            told = [found[target.name] for target in targets]
            if pace == "instant" and users == 20:
                _cost(table, told, targets)
            _latency(table, pace, users, told)
            _doubts(table, f"{users} users, {pace}", [one for rounds in told for one in rounds])


def _cost(table: Table, told: Sequence[Sequence[Round]], targets: Sequence[Target]) -> None:
    costs = [[one.cpu for one in rounds] for rounds in told]
    ratio = min(costs[0]) / min(costs[1])
    goal = Goal(f"≤ 1/4 of the reference ({ratio:.2f})", ratio, 0.25)
    cells = [best(cost, 2) for cost in costs]
    table.add(Figure("CPU ms a turn, 20 users, smallest (median)", cells, goal))
    for target, cost in list(zip(targets, costs, strict=True))[2:]:
        name = f"… beside the {target.name.replace('_', ' with the SDK on ')}"
        table.add(Figure(name, (f"{min(costs[0]) / min(cost):.2f} of it", best(cost, 2))))
    table.add(
        Figure("turns/s on one core, 20 users, the most", [f"{max(o.rate for o in rounds):.0f}" for rounds in told])
    )


def _latency(table: Table, pace: str, users: int, told: Sequence[Sequence[Round]]) -> None:
    name = "50 tokens/s" if pace == "paced" else "instant"
    added, limit = min(share(one.total, 0.5) for one in told[0]), ADDED.get((pace, users))
    for part, label in ((0.5, "p50"), (0.99, "p99")):
        cells = [f"{_least(rounds, 'first', part)} / {_least(rounds, 'total', part)}" for rounds in told]
        goal = Goal(f"≤ {limit} ms", added, limit) if limit and part == 0.5 else None
        table.add(Figure(f"{users} users, {name}: added {label}, first token / whole, ms", cells, goal))


def _least(rounds: Sequence[Round], what: str, part: float) -> str:
    return f"{min(share(getattr(one, what), part) for one in rounds):,.0f}"


def _doubts(table: Table, name: str, rounds: Sequence[Round]) -> None:
    notes = [one.notes() for one in rounds if one.notes()]
    if notes:
        table.note(f"{name}: in {len(notes)} of {len(rounds)} rounds something stood against it, as: {notes[-1]}")


async def memory(targets: Sequence[Target], table: Table, *, crowds: Sequence[int]) -> None:
    """Before anybody came, and with so many sockets open. Call it first: memory that was once used stays."""
    limits = {0: 140, 1_000: 175}
    guests = [Crowd(target.address) for target in targets]
    for count in (0, *crowds):
        cells = []
        for target, crowd in zip(targets, guests, strict=True):
            await crowd.come([f"guest-{number}" for number in range(len(crowd.visitors), count)])
            cells.append(target.memory)
        limit, name = limits.get(count), f"memory with {count:,} sockets, MB" if count else "memory idle, MB"
        goal = Goal(f"≤ {limit} MB", cells[0], limit) if limit else None
        table.add(Figure(name, [f"{cell:.0f}" for cell in cells], goal))
    for crowd in guests:
        await crowd.close()


async def starts(recipes: Sequence[Recipe], ground: Ground, table: Table, *, times: int) -> None:
    """Seconds from the command to the first answer, and to the first turn: what is imported at need is there then."""
    found: list[list[float]] = [[] for _ in recipes]
    spoken: list[list[float]] = [[] for _ in recipes]
    for _ in range(times):
        for recipe, seconds, until_spoken in zip(recipes, found, spoken, strict=True):
            began = time.monotonic()
            with running(recipe, ground) as target:
                seconds.append(target.started)
                crowd = Crowd(target.address)
                await crowd.come(recipe.visitors[:1])
                await crowd.visitors[0].ask("instant: are you there?")
                until_spoken.append(time.monotonic() - began)
                await crowd.close()
    goal = Goal("≤ 5 s", min(found[0]), 5)
    table.add(Figure("cold start to the first request, s, smallest (median)", [best(one) for one in found], goal))
    table.add(Figure("cold start to the first answered turn, s", [best(one) for one in spoken]))


async def embedded(bench: Bench, target: Target, table: Table, *, seconds: float, times: int) -> None:
    """As `make run` serves: SQLite, no Redis."""
    for users in (1, 20):
        rounds = (await bench.many([target], "instant", users=users, seconds=seconds, times=times))[target.name]
        told = f"{best([one.cpu for one in rounds], 2)} ms CPU, {max(one.rate for one in rounds):.0f} turns/s"
        added = [_least(rounds, "total", part) for part in (0.5, 0.99)]
        told += f", +{' / '.join(added)} ms p50 / p99"
        table.add(Figure(f"embedded (SQLite), {users} users, instant", (told,)))
    table.add(Figure("embedded: memory after that, MB", (f"{target.memory:.0f}",)))
