"""How sums are read."""

from __future__ import annotations

from decimal import Decimal

import pytest

from analytics.figures import Figures, money


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "unknown"),
        (Decimal(0), "$0.00"),
        (Decimal("1234.5"), "$1,234.50"),
        (Decimal("0.5"), "$0.50"),
        (Decimal("0.0312"), "$0.0312"),
        (Decimal("0.000071"), "$0.000071"),
        (Decimal("0.000000001"), "under $0.000001"),
    ],
)
def test_an_amount_has_the_digits_it_needs(amount: Decimal | None, text: str) -> None:
    assert money(amount) == text


def test_what_is_unknown_is_told_beside_what_is_known() -> None:
    known = Figures(calls=1, tokens_in=1_000, nanodollars=1_500_000_000)
    unknown = Figures(calls=1, unpriced=1, uncounted=1)
    assert (known.cost, known.shown_in) == ("$1.50", "1,000")
    assert (unknown.cost, unknown.shown_in, unknown.dollars) == ("unknown", "unknown", None)
    assert (known + unknown).cost == "$1.50 + 1 call unknown"
    assert (known + unknown + unknown).shown_tokens == "1,000 + 2 calls unknown"
    assert (Figures().cost, Figures().shown_in) == ("$0.00", "0")
