"""Models that their provider ends, while somebody still uses them."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bots import references
from bots.models import AIModel
from bots.references import Use

SOON = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Ending:
    """A model in use whose day has come, or comes within a month, and who uses it."""

    model: AIModel
    uses: list[Use]

    @property
    def is_over(self) -> bool:
        """Whether it has ended already."""
        return self.model.shutdown_date is not None and self.model.shutdown_date <= timezone.localdate()

    @property
    def users(self) -> str:
        """Who uses it, in words."""
        found = [str(use) for use in self.uses if use.count]
        if references.is_default(self.model):
            found.append(_("the installation's default model"))
        return ", ".join(found)

    def __str__(self) -> str:
        return sentence(self.model.shutdown_date)


def is_near(day: date | None) -> bool:
    """Whether a shutdown is past, or nearer than a month."""
    return day is not None and day <= timezone.localdate() + SOON


def sentence(day: date | None) -> str:
    """When a model ends, in words; "" where nobody says so."""
    if day is None:
        return ""
    left = (day - timezone.localdate()).days
    if left == 0:
        return _("The provider ends it today.")
    if left < 0:
        return _("The provider ended it on %(day)s.") % {"day": date_format(day)}
    in_days = ngettext("in %(count)d day", "in %(count)d days", left) % {"count": left}
    return _("The provider ends it on %(day)s, %(in_days)s.") % {"day": date_format(day), "in_days": in_days}


def endings(models: Any = None, workspaces: Collection[uuid.UUID] | None = None) -> list[Ending]:
    """Soonest first, of these rows and used in these workspaces; of all and anywhere where nothing is said."""
    rows = (AIModel.objects.all() if models is None else models).filter(
        shutdown_date__lte=timezone.localdate() + SOON, is_active=True, archived_at=None,
        provider__is_active=True, provider__archived_at=None,
    )  # fmt: skip
    near = list(rows.select_related("provider").order_by("shutdown_date", "pk")[:100])
    named = references.used(near, workspaces)
    return [Ending(model, references.uses(model, workspaces)) for model in near if model.pk in named]
