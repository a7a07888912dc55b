"""The one base of staff pages: only rows of the staff user's workspaces, in lists, drop-downs and look-ups alike."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth import get_permission_codename
from django.db import models
from django.http import Http404, HttpRequest

from bots import roles
from bots.admin import archive, theme
from bots.models import Workspace
from bots.remember import forget


class ScopedModelAdmin(theme.ModelAdmin):
    """Configuration rows: seen through `for_actor`, switched off rather than deleted, in force at once."""

    show_full_result_count = False
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    show_facets = admin.ShowFacets.NEVER
    none_yet: Any = ""  # what an empty list says: what the rows are, and how one comes about

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = self.model._default_manager.for_actor(request.user)
        closed = self._closed_to(request.user)
        rows = rows.exclude(**{f"{rows.workspace_path}__in": closed}) if closed else rows
        return rows.filter(archived_at__isnull=not archive.is_looked_at(request)) if self._archives() else rows

    def get_list_filter(self, request: HttpRequest) -> Any:
        """What was put away can be looked at."""
        known = super().get_list_filter(request)
        return (*known, archive.ArchivedFilter) if self._archives() else known

    def get_actions(self, request: HttpRequest) -> Any:
        """Put away, or brought back, by who may change such rows."""
        found = super().get_actions(request)
        if self._archives() and self.has_change_permission(request):
            action = archive.restore if archive.is_looked_at(request) else archive.archive
            found[action.__name__] = self.get_action(action)
        return found

    def _archives(self) -> bool:
        return hasattr(self.model, "archived_at")

    def _closed_to(self, user: Any) -> set[Any]:
        """The user's workspaces where their role is too small to see such rows; in another it may be large enough."""
        seen = {key for verb in ("view", "change") for key in roles.workspaces(user, self._permission(verb))}
        return set(roles.workspaces(user)) - seen

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        box = super().formfield_for_foreignkey(db_field, request, **{**_mine(db_field, request), **kwargs})
        if box is not None and db_field.name == "workspace" and not db_field.null:
            box.queryset = box.queryset.filter(pk__in=roles.workspaces(request.user, self._permission("add")))
        return box

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, **{**_mine(db_field, request), **kwargs})

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Any:
        """The workspace is not asked for while there is only one."""
        known = list(super().get_exclude(request, obj) or [])
        return [*known, "workspace"] if not several_workspaces() else known

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A row stays in its workspace."""
        known = super().get_readonly_fields(request, obj)
        names = {field.name for field in self.opts.fields if not field.null}
        return (*known, "workspace") if obj and "workspace" in names and several_workspaces() else known

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if hasattr(obj, "workspace_id") and obj.workspace_id is None and not obj._meta.get_field("workspace").null:
            obj.workspace = Workspace.default()
        super().save_model(request, obj, form, change)
        forget()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        forget()

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and (
            self._allowed(request, obj, "view") or self._allowed(request, obj, "change")
        )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self._allowed(request, obj, "change")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> Any:
        """A row of another workspace is not there: 404, where Django would lead to the start page."""
        raise Http404(f"no {opts.verbose_name} {object_id!r}")

    def _allowed(self, request: HttpRequest, obj: Any, verb: str) -> bool:
        """Whether the role in the row's own workspace allows it: in another it may be a lesser one."""
        if obj is None or obj.pk is None:
            return True
        workspace = _workspace_of(obj)
        if workspace is None and verb == "view":
            return True  # what serves all workspaces is seen in each
        return roles.in_workspace(request.user, workspace, self._permission(verb))

    def _permission(self, verb: str) -> str:
        return f"{self.opts.app_label}.{get_permission_codename(verb, self.opts)}"


class ScopedTabularInline(theme.TabularInline):
    """Rows under another row; the choices in their drop-downs are scoped too."""

    extra = 0

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_foreignkey(db_field, request, **{**_mine(db_field, request), **kwargs})


def _workspace_of(obj: Any) -> Any:
    """The workspace a row belongs to, however far away; None for what belongs to all."""
    if not hasattr(obj, "_workspace"):
        rows = type(obj)._default_manager
        path = getattr(rows.all(), "workspace_path", None)
        obj._workspace = rows.filter(pk=obj.pk).values_list(path, flat=True).first() if path else None
    return obj._workspace


def several_workspaces() -> bool:
    """Whether staff must be told apart by workspace at all."""
    return Workspace.objects.count() > 1


def _mine(db_field: models.Field[Any, Any], request: HttpRequest) -> dict[str, Any]:
    manager = db_field.related_model._default_manager  # type: ignore[union-attr]
    return {"queryset": manager.for_actor(request.user)} if hasattr(manager, "for_actor") else {}
