"""What tokens cost, from when on."""

from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bots.fields import IdField
from bots.models.provider import AIModel, SharedQuerySet

NANO = 1_000_000_000


class PriceQuerySet(SharedQuerySet):
    workspace_path = "model__provider__workspace"


class ModelPrice(models.Model):
    """Nano-dollars per million tokens, in force from `valid_from`. Without a price the cost is unknown, not none."""

    id = IdField()
    model = models.ForeignKey(AIModel, on_delete=models.PROTECT, related_name="prices")
    valid_from = models.DateTimeField(default=timezone.now)
    input_nanodollars = models.BigIntegerField(_("input, nano-dollars per million tokens"))
    cached_nanodollars = models.BigIntegerField(
        _("cached input, nano-dollars per million tokens"), null=True, blank=True, help_text=_("Empty: as input.")
    )
    output_nanodollars = models.BigIntegerField(_("output, nano-dollars per million tokens"))

    objects = PriceQuerySet.as_manager()

    class Meta:
        verbose_name = _("price")
        constraints = [models.UniqueConstraint(fields=["model", "valid_from"], name="one_price_a_moment")]
        ordering = ["-valid_from"]

    def __str__(self) -> str:
        return f"${plain(self.input_nanodollars)} in, ${plain(self.output_nanodollars)} out"


def nanodollars(amount: Decimal) -> int:
    """The amount as it is stored. Raises ValueError for more than nine decimals."""
    exact = amount * NANO
    if exact != exact.to_integral_value():
        raise ValueError(f"{amount} has more than nine decimals")
    return int(exact)


def plain(nanodollars: int) -> str:
    """Dollars without zeros at the end, but cents: 2.50, 0.075."""
    whole, _point, rest = f"{Decimal(nanodollars) / NANO:.9f}".partition(".")
    return f"{whole}.{rest.rstrip('0'):0<2}"


def dollars(nanodollars: int | None) -> Decimal | None:
    """Dollars of a stored amount; None stays None: unknown."""
    return None if nanodollars is None else Decimal(nanodollars) / NANO
