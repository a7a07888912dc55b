"""Configuration is put away rather than deleted: what was said with it stays explained, and it can come back."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from bots.remember import forget

PARAMETER = "archived"


class ArchivedFilter(admin.SimpleListFilter):
    """The way to what was put away; the rows themselves `ScopedModelAdmin.get_queryset` chooses."""

    title = _("archive")
    parameter_name = PARAMETER

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Archived"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset


def is_looked_at(request: HttpRequest) -> bool:
    """Whether the archive is what the list shows."""
    return request.GET.get(PARAMETER) == "yes"


@admin.action(description=_("Archive: out of use and out of sight, to be restored from the archive"))
def archive(model_admin: Any, request: HttpRequest, queryset: QuerySet[Any]) -> None:
    """Those that the user may change."""
    count = _move(model_admin, request, queryset, timezone.now(), "Archived.")
    told = ngettext("%(count)d is archived.", "%(count)d are archived.", count)
    messages.success(request, told % {"count": count})


@admin.action(description=_("Restore from the archive"))
def restore(model_admin: Any, request: HttpRequest, queryset: QuerySet[Any]) -> None:
    """Those that the user may change."""
    count = _move(model_admin, request, queryset, None, "Restored.")
    told = ngettext("%(count)d is back.", "%(count)d are back.", count)
    messages.success(request, told % {"count": count})


def _move(model_admin: Any, request: HttpRequest, queryset: QuerySet[Any], at: Any, said: str) -> int:
    mine = [row for row in queryset if model_admin.has_change_permission(request, row)]
    queryset.model._default_manager.filter(pk__in=[row.pk for row in mine]).update(archived_at=at)
    forget()
    for row in mine:
        model_admin.log_change(request, row, said)
    return len(mine)
