"""What models cost, as staff read it."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from bots.models.price import dollars


def shown(nanodollars: int | None) -> str:
    """As "$1.50" or "$0.000123"; "unknown", which is not nothing, where no price was known."""
    amount = dollars(nanodollars)
    if amount is None:
        return _("unknown")
    return f"${amount:,.2f}" if amount == 0 or amount >= 1 else f"${amount:.6f}"


def of_calls(amounts: Iterable[int | None]) -> str:
    """The sum of what is known, and for how many calls nothing is."""
    found = list(amounts)
    known = [amount for amount in found if amount is not None]
    return of_sums(sum(known), calls=len(found), unknown=len(found) - len(known))


def of_sums(nanodollars: int, *, calls: int, unknown: int) -> str:
    """The same of sums; a dash where no model was called."""
    if not calls:
        return "–"
    if unknown == calls:
        return _("unknown")
    rest = _(" + %(count)d unknown") % {"count": unknown} if unknown else ""
    return shown(nanodollars) + rest
