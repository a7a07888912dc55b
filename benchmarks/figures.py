"""The table: what was measured, for the product and for the reference, beside the target."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs/performance.md"
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"


@dataclass(frozen=True, slots=True)
class Goal:
    """What was aimed at, in words, and whether it is met: `value` at most `limit`."""

    words: str
    value: float
    limit: float

    @property
    def verdict(self) -> str:
        return f"{self.words}: {'met' if self.value <= self.limit else '**missed**'}"


@dataclass(frozen=True, slots=True)
class Figure:
    """A row: the product's cell, and the reference's where it was asked too."""

    name: str
    cells: Sequence[str]
    goal: Goal | None = None

    @property
    def row(self) -> tuple[str, str, str, str]:
        own, other = (*self.cells, "–")[:2]
        return self.name, own, other, self.goal.verdict if self.goal else ""


@dataclass(slots=True)
class Table:
    """Figures in order, and what speaks against them."""

    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, figure: Figure) -> None:
        self.figures.append(figure)
        print("  = " + " | ".join(figure.row), flush=True)

    def note(self, text: str) -> None:
        self.notes.append(text)
        print(f"  ! {text}", flush=True)

    def text(self) -> str:
        """For the terminal."""
        rows = [("figure", "product", "reference", "target"), *(figure.row for figure in self.figures)]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        return "\n".join([*lines, *(f"! {note}" for note in self.notes)])

    def write(self, machine: str) -> None:
        """Into docs/performance.md, between its marks."""
        cells = [
            ("figure", "Switchboard", "reference", "target"),
            ("---",) * 4,
            *(figure.row for figure in self.figures),
        ]
        told = [f"Measured on {time.strftime('%Y-%m-%d')}: {machine}.", ""]
        told += [f"| {' | '.join(row)} |" for row in cells]
        told += ["", *(f"- {note}" for note in self.notes)] if self.notes else []
        page = PAGE.read_text()
        before, _, rest = page.partition(BEGIN)
        after = rest.partition(END)[2]
        PAGE.write_text(before + BEGIN + "\n" + "\n".join(told) + "\n\n" + END + after)
