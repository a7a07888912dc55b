"""The table: what was measured, for the product and for the reference, beside the target."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs/performance.md"
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"


@dataclass(frozen=True, slots=True)
class Figure:
    """A row. `value` and `limit` decide whether the target is met; without a limit there is none."""

    name: str
    product: str
    reference: str = "–"
    value: float = 0.0
    limit: float | None = None
    target: str = ""

    @property
    def verdict(self) -> str:
        if self.limit is None:
            return ""
        return f"{self.target}: {'met' if self.value <= self.limit else '**missed**'}"


@dataclass(slots=True)
class Table:
    """Figures in order, and what speaks against them."""

    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, figure: Figure) -> None:
        self.figures.append(figure)
        print(f"  = {figure.name}: {figure.product} | {figure.reference} | {figure.verdict.replace('*', '')}", flush=True)

    def note(self, text: str) -> None:
        self.notes.append(text)
        print(f"  ! {text}", flush=True)

    def text(self) -> str:
        """For the terminal."""
        rows = [("figure", "product", "reference", "target"), *self._rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        return "\n".join([*lines, *(f"! {note}" for note in self.notes)])

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [(one.name, one.product, one.reference, one.verdict) for one in self.figures]

    def write(self, machine: str) -> None:
        """Into docs/performance.md, between its marks."""
        cells = [("figure", "Switchboard", "reference", "target"), ("---",) * 4, *self._rows()]
        told = [f"Measured on {time.strftime('%Y-%m-%d')}: {machine}.", ""]
        told += [f"| {' | '.join(row)} |" for row in cells]
        told += ["", *(f"- {note}" for note in self.notes)] if self.notes else []
        page = PAGE.read_text()
        before, _, rest = page.partition(BEGIN)
        after = rest.partition(END)[2]
        PAGE.write_text(before + BEGIN + "\n" + "\n".join(told) + "\n\n" + END + after)
