"""The one base of staff pages: only rows of the staff user's workspaces, in lists, drop-downs and look-ups alike."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from bots.models import Workspace
from bots.remember import forget


class ScopedModelAdmin(admin.ModelAdmin):
    """Configuration rows: seen through `for_actor`, switched off rather than deleted, in force at once."""

    show_full_result_count = False
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    show_facets = admin.ShowFacets.NEVER

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = self.model._default_manager.for_actor(request.user)
        return rows.filter(archived_at=None) if hasattr(self.model, "archived_at") else rows

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_foreignkey(db_field, request, **{**_mine(db_field, request), **kwargs})

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, **{**_mine(db_field, request), **kwargs})

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Any:
        """The workspace is not asked for while there is only one."""
        known = list(super().get_exclude(request, obj) or [])
        return [*known, "workspace"] if not several_workspaces() else known

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if hasattr(obj, "workspace_id") and obj.workspace_id is None and not obj._meta.get_field("workspace").null:
            obj.workspace = Workspace.default()
        super().save_model(request, obj, form, change)
        forget()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        forget()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ScopedTabularInline(admin.TabularInline):
    """Rows under another row; the choices in their drop-downs are scoped too."""

    extra = 0

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_foreignkey(db_field, request, **{**_mine(db_field, request), **kwargs})


def several_workspaces() -> bool:
    """Whether staff must be told apart by workspace at all."""
    return Workspace.objects.count() > 1


def _mine(db_field: models.Field[Any, Any], request: HttpRequest) -> dict[str, Any]:
    manager = db_field.related_model._default_manager  # type: ignore[union-attr]
    return {"queryset": manager.for_actor(request.user)} if hasattr(manager, "for_actor") else {}
