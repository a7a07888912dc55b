"""What calls of models add up to: calls, tokens, money, and how much of it is not known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bots.models.price import dollars

SMALLEST = Decimal("0.000001")  # dollars; less is only said to be less

# What a query over ModelCall asks for. Sums pass over what is null: it is counted beside them.
SUMS: dict[str, Any] = {
    "calls": Count("pk"),
    "unpriced": Count("pk", filter=Q(cost_nanodollars=None)),
    "uncounted": Count("pk", filter=Q(input_tokens=None) | Q(output_tokens=None)),
    "tokens_in": Coalesce(Sum("input_tokens"), 0),
    "tokens_cached": Coalesce(Sum("cached_tokens"), 0),
    "tokens_out": Coalesce(Sum("output_tokens"), 0),
    "nanodollars": Coalesce(Sum("cost_nanodollars"), 0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The sums of some calls. `unpriced`, `uncounted`: calls whose cost or tokens are unknown, and in no sum."""

    calls: int = 0
    unpriced: int = 0
    uncounted: int = 0
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    nanodollars: int = 0

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Figures:
        """From a row of a query that asked for SUMS."""
        return cls(**{name: row[name] for name in SUMS})

    def __add__(self, other: Figures) -> Figures:
        """Field by field: a page adds up tens of thousands of these."""
        return Figures(
            calls=self.calls + other.calls,
            unpriced=self.unpriced + other.unpriced,
            uncounted=self.uncounted + other.uncounted,
            tokens_in=self.tokens_in + other.tokens_in,
            tokens_cached=self.tokens_cached + other.tokens_cached,
            tokens_out=self.tokens_out + other.tokens_out,
            nanodollars=self.nanodollars + other.nanodollars,
        )

    @property
    def tokens(self) -> int:
        return self.tokens_in + self.tokens_out

    @property
    def dollars(self) -> Decimal | None:
        """The sum of what is known; None where nothing is."""
        return dollars(None if self.calls and self.unpriced == self.calls else self.nanodollars)

    @property
    def cost(self) -> str:
        """As staff read it: "$1.50", "$1.50 + 2 calls unknown" or "unknown"."""
        return _beside(money(self.dollars), self.unpriced, self.calls)

    @property
    def shown_in(self) -> str:
        return _beside(f"{self.tokens_in:,}", self.uncounted, self.calls)

    @property
    def shown_cached(self) -> str:
        return _beside(f"{self.tokens_cached:,}", self.uncounted, self.calls)

    @property
    def shown_out(self) -> str:
        return _beside(f"{self.tokens_out:,}", self.uncounted, self.calls)

    @property
    def shown_tokens(self) -> str:
        return _beside(f"{self.tokens:,}", self.uncounted, self.calls)

    @property
    def shown_calls(self) -> str:
        return f"{self.calls:,}"


def money(amount: Decimal | None) -> str:
    """Dollars with as many digits as the amount needs: $1,234.50, $0.0312, $0.000071."""
    if amount is None:
        return _("unknown")
    if amount == 0 or amount >= Decimal("0.1"):
        return f"${amount:,.2f}"
    if amount < SMALLEST:
        return _("under $%(amount)s") % {"amount": SMALLEST}
    return f"${amount:.4f}" if amount >= Decimal("0.01") else f"${amount:.6f}"


def _beside(known: str, unknown: int, calls: int) -> str:
    if not unknown:
        return known
    if unknown == calls:
        return _("unknown")
    told = ngettext("%(known)s + %(unknown)s call unknown", "%(known)s + %(unknown)s calls unknown", unknown)
    return told % {"known": known, "unknown": f"{unknown:,}"}
