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
        return f"{dollars(self.input_nanodollars)} in, {dollars(self.output_nanodollars)} out"


def dollars(nanodollars: int | None) -> Decimal | None:
    """Dollars of a stored amount; None stays None: unknown."""
    return None if nanodollars is None else Decimal(nanodollars) / NANO
