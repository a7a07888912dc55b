"""What models cost, from the ledger's rows. One pass over them makes all tables of a page."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from django.db.models import Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.translation import gettext as _

from analytics.figures import SUMS, Figures
from analytics.forms import Filters, start_of, today
from analytics.names import Names
from conversations.models import ModelCall

GROUPS = ("day", "bot", "channel", "model")
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The calls of one day, bot, channel and model."""

    day: date
    bot: str
    channel: str
    model: str
    model_name: str
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a table. `query` leads to the conversations behind it; "" where nothing can be asked for."""

    name: str
    figures: Figures
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The same sum, split `by` one of GROUPS."""

    by: str
    title: str
    heading: str
    lines: list[Line]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that the page shows. `yesterday_by_now`: until the time of day it is; so it compares with `today`."""

    filters: Filters
    total: Figures
    today: Figures
    yesterday: Figures
    yesterday_by_now: Figures
    month: Figures
    tables: dict[str, Table]
    by_day: dict[date, Figures]

    @property
    def change(self) -> str:
        """How today compares, as "+12 %"; "" where that cannot be said."""
        before, now = self.yesterday_by_now, self.today
        if not before.nanodollars or before.unpriced or now.unpriced:
            return ""
        return f"{(now.nanodollars - before.nanodollars) / before.nanodollars:+.0%}".replace("%", " %")


def calls_for(user: Any, filters: Filters) -> QuerySet[Any]:
    """The calls that the user may see, of the chosen bot, channel and model, on any day. No test chats."""
    chosen = {"bot_id": filters.bot, "channel_id": filters.channel, "model_id": filters.model, "is_test": False}
    return ModelCall.objects.for_actor(user).filter(**{path: value for path, value in chosen.items() if value != ""})


def within(since: date, until: date) -> Q:
    """From the beginning of a day to the end of another."""
    return Q(created_at__gte=start_of(since), created_at__lt=start_of(until + timedelta(days=1)))


def _together(first: tuple[date, date], second: tuple[date, date]) -> Q:
    """Days of both spans, as one where they touch: two make PostgreSQL read rows that its index knows already."""
    if first[0] <= second[1] + timedelta(days=1) and second[0] <= first[1] + timedelta(days=1):
        return within(min(first[0], second[0]), max(first[1], second[1]))
    return within(*first) | within(*second)


def make(user: Any, filters: Filters, names: Names) -> Report:
    """The report. Two queries: one of the period and this month, one of yesterday until this time of day."""
    now, day = timezone.now(), today()
    yesterday, month = day - timedelta(days=1), day.replace(day=1)
    calls = calls_for(user, filters)
    cells = _cells(calls.filter(_together((filters.since, filters.until), (min(month, yesterday), day))))
    chosen = [cell for cell in cells if filters.since <= cell.day <= filters.until]
    return Report(
        filters=filters,
        total=_sum(chosen),
        today=_sum(cell for cell in cells if cell.day == day),
        yesterday=_sum(cell for cell in cells if cell.day == yesterday),
        yesterday_by_now=_between(calls, start_of(yesterday), now - timedelta(days=1)),
        month=_sum(cell for cell in cells if month <= cell.day <= day),
        tables={table.by: table for table in _tables(chosen, filters, names)},
        by_day=_days(chosen, filters),
    )


def _cells(calls: QuerySet[Any]) -> list[Cell]:
    day = TruncDate("created_at", tzinfo=timezone.get_default_timezone())
    rows = calls.annotate(day=day).order_by().values("day", "bot", "channel", "model", "model_name").annotate(**SUMS)
    return [
        Cell(
            day=row["day"],
            bot=str(row["bot"]),
            channel=str(row["channel"]),
            model=str(row["model"] or ""),
            model_name=row["model_name"],
            figures=Figures.of(row),
        )
        for row in rows
    ]


def _between(calls: QuerySet[Any], since: datetime, until: datetime) -> Figures:
    return Figures.of(calls.filter(created_at__gte=since, created_at__lt=until).aggregate(**SUMS))


def _sum(cells: Iterable[Cell]) -> Figures:
    return sum((cell.figures for cell in cells), Figures())


def _by(cells: Iterable[Cell], key: Callable[[Cell], K]) -> dict[K, Figures]:
    found: dict[K, Figures] = {}
    for cell in cells:
        found[key(cell)] = found.get(key(cell), Figures()) + cell.figures
    return found


def _days(cells: list[Cell], filters: Filters) -> dict[date, Figures]:
    """Every day of the period, also those on which nothing was asked."""
    return dict.fromkeys(filters.days, Figures()) | _by(cells, lambda cell: cell.day)


def _tables(cells: list[Cell], filters: Filters, names: Names) -> list[Table]:
    days = [
        Line(name=day.isoformat(), figures=figures, query=filters.on(day).query if figures.calls else "")
        for day, figures in reversed(_days(cells, filters).items())
    ]
    return [
        Table(by="day", title=_("By day"), heading=_("Day"), lines=days),
        Table(by="bot", title=_("By bot"), heading=_("Bot"), lines=_lines(cells, "bot", filters, names.bots)),
        Table(by="channel", title=_("By channel"), heading=_("Channel"),
              lines=_lines(cells, "channel", filters, names.channels)),
        Table(by="model", title=_("By model"), heading=_("Model"),
              lines=_lines(cells, "model", filters, names.models)),
    ]  # fmt: skip


def _lines(cells: list[Cell], by: str, filters: Filters, names: dict[str, str]) -> list[Line]:
    """Dearest first; what has no price by its tokens. A model that is no more keeps the name it was called by."""
    old = {cell.model: cell.model_name for cell in cells} if by == "model" else {}
    sums = _by(cells, lambda cell: str(getattr(cell, by)))
    dearest = sorted(sums.items(), key=lambda item: (-item[1].nanodollars, -item[1].tokens, item[0]))
    return [
        Line(
            name=names.get(key) or old.get(key) or _("unknown"),
            figures=figures,
            query=filters.of(by, key).query if key in names else "",
        )
        for key, figures in dearest
    ]
