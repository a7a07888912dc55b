"""Figures as CSV, for whoever goes on counting elsewhere."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence

from django.http import HttpResponse

from analytics.figures import Figures
from analytics.forms import Filters
from analytics.reports import Table
from analytics.talks import Page

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
MARK = "\ufeff"  # without it Excel reads UTF-8 as something else
FIGURES = (
    "calls", "input_tokens", "cached_input_tokens", "output_tokens", "calls_of_unknown_tokens", "dollars",
    "calls_of_unknown_cost",
)  # fmt: skip


def of_table(table: Table, filters: Filters) -> HttpResponse:
    """What the table shows."""
    rows = [[line.name, *_cells(line.figures)] for line in table.lines]
    return _file(f"cost-by-{table.by}", filters, [table.by, *FIGURES], rows)


def of_talks(page: Page, filters: Filters) -> HttpResponse:
    """What a page of conversations shows."""
    rows = [
        [
            str(talk.conversation.pk), talk.conversation.title, str(talk.conversation.bot),
            str(talk.conversation.channel), talk.last_call.isoformat(timespec="seconds"), *_cells(talk.figures),
        ]
        for talk in page.talks
    ]  # fmt: skip
    return _file("conversations", filters, ["conversation", "title", "bot", "channel", "last_call", *FIGURES], rows)


def harmless(cell: str) -> str:
    """A text that a spreadsheet takes as one: with an apostrophe where it would be run as a formula.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{cell}" if cell.startswith(FORMULA) or cell.lstrip().startswith(FORMULA) else cell


def _cells(figures: Figures) -> list[str]:
    """Exact numbers; "unknown" rather than a sum of nothing."""
    uncounted = figures.calls > 0 and figures.uncounted == figures.calls
    tokens = [figures.tokens_in, figures.tokens_cached, figures.tokens_out]
    return [
        str(figures.calls),
        *("unknown" if uncounted else str(number) for number in tokens),
        str(figures.uncounted),
        "unknown" if figures.dollars is None else f"{figures.dollars:f}",
        str(figures.unpriced),
    ]


def _file(name: str, filters: Filters, heading: Sequence[str], rows: Iterable[Sequence[str]]) -> HttpResponse:
    response = HttpResponse(MARK, content_type="text/csv; charset=utf-8")
    filename = f"switchboard-{name}-{filters.since}-{filters.until}.csv"
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    lines = csv.writer(response)
    lines.writerow(heading)
    lines.writerows([harmless(cell) for cell in row] for row in rows)
    return response
