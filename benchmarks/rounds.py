"""One target under so many people at one pace for some seconds, and what that cost; many such rounds, interleaved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.load import Crowd, Timed
from benchmarks.loopback_model import OWN_TIME, Model
from benchmarks.machine import Cores, Span, foreign
from benchmarks.targets import Target

SATURATED = 0.92  # of the client's core: from there on latencies are its own


@dataclass(frozen=True, slots=True)
class Round:
    """What one round brought. Milliseconds; `first` and `total` are over the model's own time, sorted."""

    turns: int
    rate: float  # turns a second
    cpu: float  # of the server, a turn
    first: list[float]
    total: list[float]
    failed: int
    others: float  # cores that others used just before
    stolen: float  # share of the server's core that the machine's host took
    client: float  # share of the client's core that was busy
    late: float  # by how much the model itself was late with a word

    def notes(self) -> str:
        """What speaks against it."""
        told = [f"{self.failed} failed"] if self.failed else []
        told += [f"others had {self.others:.1f} cores"] if self.others > 0.2 else []
        told += [f"{self.stolen:.0%} stolen"] if self.stolen > 0.02 else []
        told += ["client saturated"] if self.client > SATURATED else []
        told += [f"model {self.late:.0f} ms late"] if self.late > 5 else []
        return ", ".join(told)


@dataclass(slots=True)
class Bench:
    """What every measurement needs."""

    cores: Cores
    model: Model
    crowds: dict[str, Crowd] = field(default_factory=dict)

    async def greet(self, target: Target) -> None:
        """Everybody who has a history comes, and some talk: imports, pools and caches are there before it counts."""
        crowd = self.crowds[target.name] = Crowd(target.address)
        await crowd.come(target.recipe.visitors)
        await crowd.talk("instant", users=10, seconds=1)

    async def close(self) -> None:
        """Everybody leaves."""
        while self.crowds:
            await self.crowds.popitem()[1].close()

    async def one(self, target: Target, pace: str, *, users: int, seconds: float) -> Round:
        """A round."""
        others, _ = foreign(self.cores)
        crowd = self.crowds[target.name]
        crowd.failures.clear()
        self.model.lateness()
        server, client, before = Span.begin(self.cores.server), Span.begin(self.cores.client), target.cpu
        done = await crowd.talk(pace, users=users, seconds=seconds)
        spent, cpu = server.seconds, target.cpu - before
        first, total = over(done, pace)
        return Round(
            turns=len(done), rate=len(done) / spent, cpu=cpu / max(1, len(done)) * 1000, first=first, total=total,
            failed=len(crowd.failures), others=others, stolen=server.used()[1], client=client.used()[0],
            late=self.model.lateness() * 1000,
        )  # fmt: skip

    async def many(
        self, targets: Sequence[Target], pace: str, *, users: int, seconds: float, times: int
    ) -> dict[str, list[Round]]:
        """Each target's rounds; they take turns, so that foreign load meets them all."""
        found: dict[str, list[Round]] = defaultdict(list)
        for _ in range(times):
            for target in targets:
                found[target.name].append(await self.one(target, pace, users=users, seconds=seconds))
                print(f"  {users:3d} users, {pace}: {line(target.name, found[target.name][-1])}", flush=True)
        return found


def over(done: Sequence[Timed], pace: str) -> tuple[list[float], list[float]]:
    """Milliseconds (to the first text, to the end) that were added to the model's own, sorted."""
    own_first, own_total = OWN_TIME[pace]
    return (
        sorted((one.first - own_first) * 1000 for one in done),
        sorted((one.total - own_total) * 1000 for one in done),
    )


def share(values: Sequence[float], part: float) -> float:
    """The percentile of sorted values; of none, it never came."""
    return values[min(int(len(values) * part), len(values) - 1)] if values else float("inf")


def line(name: str, one: Round) -> str:
    """A round for people."""
    told = f"{name:18s} {one.rate:6.1f} turns/s {one.cpu:6.2f} ms CPU a turn"
    told += f", p50 +{share(one.total, 0.5):.0f} ms, p99 +{share(one.total, 0.99):.0f} ms"
    return f"{told}  {'! ' if one.notes() else ''}{one.notes()}".rstrip()


def best(values: Sequence[float], digits: int = 1) -> str:
    """Smallest and median of the rounds: noise only ever adds."""
    return f"{min(values):,.{digits}f} ({median(values):,.{digits}f})"
