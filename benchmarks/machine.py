"""The machine while it is measured: who has which core, what a process used, what others did meanwhile. Linux only."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cores:
    """The judged have a core for themselves; stores share the client's where there are only two."""

    server: int
    client: int
    stores: int

    @classmethod
    def of_this_machine(cls) -> Self:
        """Raises SystemExit where two cannot be had."""
        own = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        if len(own) < 2:
            raise SystemExit("the bench needs Linux and two cores: one for the server, one for those who load it")
        return cls(own[0], own[1], own[2] if len(own) > 2 else own[1])


def pin(core: int, pid: int = 0) -> None:
    """Keep a process (this one) and what it starts from now on to one core."""
    os.sched_setaffinity(pid, {core})


def family(pid: int) -> list[int]:
    """It and all its descendants."""
    parents = {int(entry.name): _parent(entry) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its descendants so far."""
    total = 0
    for one in family(pid):
        fields = _stat(Path(f"/proc/{one}"))
        total += int(fields[11]) + int(fields[12]) if fields else 0
    return total / TICKS


def memory_mb(pid: int) -> float:
    """Resident memory of a process and its descendants."""
    pages = sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in family(pid))
    return pages * os.sysconf("SC_PAGE_SIZE") / 1_000_000


def _parent(process: Path) -> int:
    fields = _stat(process)
    return int(fields[1]) if fields else 0


def _stat(process: Path) -> list[str]:
    """Fields from the state on; empty when the process is gone."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


@dataclass(slots=True)
class Span:
    """A core since the span began: how much of the time somebody used it, how much the machine's host took away."""

    core: int
    began: float
    first: list[int]

    @classmethod
    def begin(cls, core: int) -> Self:
        return cls(core, time.monotonic(), _core_times(core))

    def used(self) -> tuple[float, float]:
        """Shares (busy, stolen) of the time so far; what is stolen is busy too."""
        spent = [now - then for then, now in zip(self.first, _core_times(self.core), strict=True)]
        total = sum(spent) or 1
        return 1 - (spent[3] + spent[4]) / total, spent[7] / total

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began


def _core_times(core: int) -> list[int]:
    """user nice system idle iowait irq softirq steal"""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *times = line.split()
        if name == f"cpu{core}":
            return [int(part) for part in times[:8]]
    raise AssertionError(f"no core {core}")


def foreign(cores: Cores, seconds: float = 0.4) -> tuple[float, float]:
    """What others use right now, while we wait: (cores that are busy, share that is stolen)."""
    spans = [Span.begin(core) for core in {cores.server, cores.client, cores.stores}]
    time.sleep(seconds)
    used = [span.used() for span in spans]
    return sum(busy for busy, _ in used), max(stolen for _, stolen in used)


def about() -> str:
    """The processor and the load, in one line."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    name = models[0].partition(":")[2].strip() if models else os.uname().machine
    return f"{len(models) or os.cpu_count()} cores, {name}; load average {os.getloadavg()[0]:.1f}"
