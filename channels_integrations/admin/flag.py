"""Feature flags: every one there is, what it does, what it says in a workspace, and who changed it last."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from bots import roles
from bots.admin.scoped import ScopedModelAdmin, several_workspaces
from bots.models import Workspace
from bots.remember import forget
from channels_integrations import flags
from channels_integrations.flag_form import ValueForm, said, title
from channels_integrations.flags import KNOWN, Flag, Value
from channels_integrations.models import FeatureFlag, FlagChange

LIST = "admin:channels_integrations_featureflag_changelist"
CHANGE = "channels_integrations.change_featureflag"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One flag in one workspace. `elsewhere`: channels where it says something else."""

    flag: Flag
    title: str
    default: str
    form: ValueForm
    is_set: bool
    elsewhere: list[FeatureFlag]
    change: FlagChange | None
    was: str
    became: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A workspace with its flags. `unknown`: set ones that no part of the program asks for any more."""

    workspace: Workspace
    may_change: bool
    lines: list[Line]
    unknown: list[FeatureFlag]


class FlagForm(forms.ModelForm):
    """One set value, as its flag's kind; of a flag that nothing asks for any more, as a text to look at."""

    class Meta:
        model = FeatureFlag
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        flag = KNOWN.get(self.instance.name)
        if flag is not None:
            given = ValueForm(flag, self.instance.workspace_id, self.instance.shown)
            self.fields["value"] = given.fields["value"]
            self.fields["value"].help_text = f"{flag.help} {_('It takes')} {flag.allowed}."
            self.initial["value"] = self.instance.shown


@admin.register(FeatureFlag)
class FlagAdmin(ScopedModelAdmin):
    form = FlagForm

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Each is there already, with its default; a channel's own value is given on the channel's page."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        known = obj is None or obj.name in KNOWN
        return known and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj) and self._allowed(request, obj, "delete")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return [(None, {"fields": ("name", "channel", "value")})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("name", "channel")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **{**kwargs, "fields": ()})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        self._put(request, obj, form.cleaned_data["value"])

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self._put(request, obj, None)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """What `_put` writes, from what to what; not the names of boxes that Django would write beside it."""
        return super().log_change(request, obj, message) if isinstance(message, str) else None

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Every flag there is, with a box for what it says in the workspace."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        refused = None
        if request.method == "POST":
            refused = self._changed(request)
            if refused is None:
                return redirect(LIST)
        context = {
            **self.admin_site.each_context(request),
            **(extra_context or {}),
            "title": _("Feature flags"),
            "opts": self.opts,
            "places": [_place(request, workspace, refused) for workspace in _workspaces(request)],
            "several": several_workspaces(),
        }
        return render(request, "admin/flags.html", context, status=200 if refused is None else 400)

    def _changed(self, request: HttpRequest) -> ValueForm | None:
        """None when the flag was changed; else its form with what is wrong. Raises Http404, PermissionDenied."""
        flag, workspace = KNOWN.get(request.POST.get("flag", "")), _asked(request)
        if flag is None or workspace is None:
            raise Http404("no such flag")
        if not roles.in_workspace(request.user, workspace.pk, CHANGE):
            raise PermissionDenied
        row = FeatureFlag.objects.filter(workspace=workspace, channel=None, name=flag.name).first()
        form = ValueForm(flag, workspace.pk, flag.default if row is None else row.shown, request.POST)
        to_default = "default" in request.POST
        if not to_default and not form.is_valid():
            return form
        value = None if to_default else form.cleaned_data["value"]
        self._put(request, row or FeatureFlag(workspace=workspace, name=flag.name), value)
        told = {"flag": title(flag.name), "value": said(flag.default if value is None else value)}
        messages.success(request, _("%(flag)s: %(value)s, everywhere within 5 seconds.") % told)
        return None

    def _put(self, request: HttpRequest, row: FeatureFlag, value: Value | None) -> None:
        """Set, or with None taken away; noted with what it was, in Django's log too; in force here at once."""
        was = None if row._state.adding else row.shown
        if value is None and was is not None:
            self.log_deletions(request, [row])
        place = {"workspace_id": row.workspace_id, "channel_id": row.channel_id}
        changed = FeatureFlag.objects.put(row.name, value, **place, who=request.user)
        if changed and value is not None:
            kept = FeatureFlag.objects.get(**place, name=row.name)
            self.log_change(request, kept, _("From %(was)s to %(now)s.") % {"was": said(was), "now": said(value)})
        forget()


def _workspaces(request: HttpRequest) -> list[Workspace]:
    """Those whose flags the user may see."""
    rows = Workspace.objects.for_actor(request.user).order_by("name")
    seen = "channels_integrations.view_featureflag"
    return [row for row in rows if roles.in_workspace(request.user, row.pk, seen)]


def _asked(request: HttpRequest) -> Workspace | None:
    try:
        wanted = uuid.UUID(request.POST.get("workspace", ""))
    except ValueError:
        return None
    return next((row for row in _workspaces(request) if row.pk == wanted), None)


def _place(request: HttpRequest, workspace: Workspace, refused: ValueForm | None) -> Place:
    rows = list(FeatureFlag.objects.filter(workspace=workspace).select_related("channel").order_by("channel__name"))
    return Place(
        workspace=workspace,
        may_change=roles.in_workspace(request.user, workspace.pk, CHANGE),
        lines=[_line(workspace, flag, rows, refused) for flag in KNOWN.values()],
        unknown=[row for row in rows if row.name not in KNOWN],
    )


def _line(workspace: Workspace, flag: Flag, rows: list[FeatureFlag], refused: ValueForm | None) -> Line:
    mine = [row for row in rows if row.name == flag.name]
    whole = next((row for row in mine if row.channel is None), None)
    value = flag.default if whole is None else whole.shown
    change = FlagChange.objects.last_of(workspace.pk, flag.name)
    wrong = refused if refused and refused.place == (flag.name, workspace.pk) else None
    return Line(
        flag=flag,
        title=title(flag.name),
        default=said(flag.default),
        form=wrong or ValueForm(flag, workspace.pk, value),
        is_set=whole is not None,
        elsewhere=[row for row in mine if row.channel is not None and row.channel.archived_at is None],
        change=change,
        was=_once(flag, change.was) if change else "",
        became=_once(flag, change.became) if change else "",
    )


def _once(flag: Flag, stored: str | None) -> str:
    """A value that was, as people say it; also one that would not be taken any more."""
    try:
        return said(None if stored is None else flags.read(flag.kind, stored))
    except ValueError:
        return str(stored)
