"""Statements and transactions of a turn, as PostgreSQL's own log counts them."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg

from benchmarks.figures import Figure, Goal, Table
from benchmarks.rounds import Bench
from benchmarks.targets import Target

PREFIX = "turn-of "  # begins each line of the log, with the database's name
EDGES = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")
QUESTION = "instant: where is my parcel?"
SAID = re.compile(r"LOG:  (?:statement|execute [^:]*): ?(.*)")
VISITORS, EACH = 10, 4  # those who ask, and how often: the product takes five messages of a socket at once


class Log:
    """What one database is asked while the block lasts."""

    def __init__(self, database: str, file: Path) -> None:
        self.database, self.file = database, file
        self.name = database.rpartition("/")[2]

    def __enter__(self) -> Log:
        self._switch("all")
        self.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self._switch("none")

    def begin(self) -> None:
        """Count from here."""
        self.at = self.file.stat().st_size

    def counted(self) -> tuple[int, int, int]:
        """(statements, commits, empty ones, which only ask whether the connection lives) since."""
        with self.file.open(errors="replace") as log:
            log.seek(self.at)
            told = [line for line in log if line.startswith(f"{PREFIX}{self.name} ")]
        said = [found[1].strip() for line in told if (found := SAID.search(line))]
        edges, pings = sum(text.startswith(EDGES) for text in said), sum(not text for text in said)
        return len(said) - edges - pings, sum(text.startswith("COMMIT") for text in said), pings

    def _switch(self, what: str) -> None:
        with psycopg.connect(self.database, autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET log_statement = '{what}'")
            connection.execute(f"ALTER SYSTEM SET log_line_prefix = '{PREFIX}%d '")
            connection.execute("SELECT pg_reload_conf()")
        time.sleep(0.5)


async def statements(bench: Bench, targets: Sequence[Target], table: Table, log: Path) -> None:
    """Without what runs beside the turns, which is counted for as long and taken off."""
    cells = [await _each(bench, target, log) for target in targets]
    told = [f"{work:.1f}, {commits:.1f} commits, {pings:.1f} pings" for work, commits, pings in cells]
    table.add(Figure("statements a turn", told, Goal("≤ 10", cells[0][0], 10.4)))


async def _each(bench: Bench, target: Target, file: Path) -> list[float]:
    visitors = [bench.crowds[target.name].visitors[number] for number in range(VISITORS)]
    for visitor in visitors:
        await visitor.ask(QUESTION)  # what is said first fills caches
    with Log(target.recipe.database, file) as log:
        began = time.monotonic()
        for visitor in visitors * EACH:
            await visitor.ask(QUESTION)
        spent = time.monotonic() - began
        during = log.counted()
        log.begin()
        await asyncio.sleep(spent)
        beside = log.counted()
    return [(one - other) / (VISITORS * EACH) for one, other in zip(during, beside, strict=True)]
