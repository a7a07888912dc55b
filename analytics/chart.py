"""Bars for the days of a report, in the units of an SVG's own square."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from analytics.figures import Figures

WIDTH, HEIGHT = 1000, 200
GAP = 0.25  # of a bar's place


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A day. `hint`: its number in words; `partial`: some of it is unknown."""

    x: str
    y: str
    width: str
    height: str
    hint: str
    partial: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """`title` says in one sentence what the picture shows, for whoever does not see it."""

    id: str
    caption: str
    title: str
    first: date
    last: date
    highest: str
    bars: list[Bar]

    @property
    def partial(self) -> bool:
        return any(bar.partial for bar in self.bars)


def of_dollars(days: Mapping[date, Figures]) -> Chart:
    """What each day cost, as far as it is known."""
    return _chart(
        "dollars", _("Dollars by day"), days,
        value=lambda figures: float(figures.dollars or Decimal(0)),
        shown=lambda figures: figures.cost,
        unknown=lambda figures: figures.unpriced,
    )  # fmt: skip


def of_tokens(days: Mapping[date, Figures]) -> Chart:
    """How many tokens went in and out on each day."""
    return _chart(
        "tokens", _("Tokens by day"), days,
        value=lambda figures: float(figures.tokens),
        shown=lambda figures: figures.shown_tokens,
        unknown=lambda figures: figures.uncounted,
    )  # fmt: skip


def _chart(
    name: str,
    caption: str,
    days: Mapping[date, Figures],
    *,
    value: Callable[[Figures], float],
    shown: Callable[[Figures], str],
    unknown: Callable[[Figures], int],
) -> Chart:
    best = max(days, key=lambda day: value(days[day]))
    words = {"caption": caption, "highest": shown(days[best]), "day": best.isoformat()}
    top, place = value(days[best]) or 1.0, WIDTH / len(days)
    return Chart(
        id=f"chart-{name}",
        caption=caption,
        title=_("%(caption)s. The highest is %(highest)s on %(day)s. The table By day has every number.") % words,
        first=min(days),
        last=max(days),
        highest=words["highest"],
        bars=[
            _bar(number * place, place, value(of) / top, f"{day}: {shown(of)}", partial=unknown(of) > 0)
            for number, (day, of) in enumerate(days.items())
        ],
    )


def _bar(left: float, place: float, share: float, hint: str, *, partial: bool) -> Bar:
    """Texts with a point: a language's decimal comma would break an SVG."""
    height = share * HEIGHT
    return Bar(
        x=f"{left + place * GAP / 2:.2f}",
        y=f"{HEIGHT - height:.2f}",
        width=f"{place * (1 - GAP):.2f}",
        height=f"{height:.2f}",
        hint=hint,
        partial=partial,
    )
