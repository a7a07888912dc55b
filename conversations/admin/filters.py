"""What the list of conversations can be narrowed to."""

from __future__ import annotations

import uuid
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bots.fields import first_id_at
from bots.models import Bot
from channels_integrations.models import ChannelConfig
from conversations.models import Turn
from conversations.models.conversation import no_test

Rows = QuerySet[Any]


class _Named(admin.SimpleListFilter):
    """Rows of configuration by name: those of the staff user's workspaces, retired ones too."""

    model: Any

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rows = self.model.objects.for_actor(request.user).order_by("name", "pk")
        return [(str(pk), name) for pk, name in rows.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        chosen = self.value()
        if chosen is None:
            return queryset
        known = {value for value, _name in self.lookup_choices}
        return queryset.filter(**{self.parameter_name or "": chosen}) if chosen in known else queryset.none()


class BotFilter(_Named):
    title, parameter_name, model = _("bot"), "bot", Bot


class ChannelFilter(_Named):
    title, parameter_name, model = _("channel"), "channel", ChannelConfig


class OwnerFilter(admin.SimpleListFilter):
    """Who answers; the last is nobody any more."""

    title = _("who answers")
    parameter_name = "owner__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("bot", _("the bot")), ("waiting", _("waits for a person")), ("human", _("a person")),
                ("closed", _("nobody: it is over"))]  # fmt: skip

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        match self.value():
            case "closed":
                return queryset.filter(ended_at__isnull=False)
            case "bot" | "waiting" | "human" as owner:
                return queryset.filter(ended_at=None, owner=owner)
        return queryset


class FailedFilter(admin.SimpleListFilter):
    """Conversations in which an answer failed."""

    title = _("answers")
    parameter_name = "failed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("one failed"))]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        if self.value() != "yes":
            return queryset
        failed = Turn.objects.filter(state__in=(Turn.State.FAILED, Turn.State.DEAD))
        return queryset.filter(pk__in=failed.values("conversation"))


class TestFilter(admin.SimpleListFilter):
    """Chats in which staff tried a bot."""

    title = _("test chats")
    parameter_name = "test"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("without", _("left out")), ("only", _("nothing else"))]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        match self.value():
            case "without":
                return queryset.filter(no_test())
            case "only":
                return queryset.filter(metadata__test=True)
        return queryset


FIRST_YEAR, LAST_YEAR = 2000, 2200


class DaysForm(forms.Form):
    """From one day to another, both included; one of them may be left open."""

    since = forms.DateField(label=_("From"), required=False, input_formats=["%Y-%m-%d"])
    until = forms.DateField(label=_("To"), required=False, input_formats=["%Y-%m-%d"])

    def clean(self) -> dict[str, Any]:
        """Days of which somebody could have talked, and a day after them."""
        cleaned = super().clean() or self.cleaned_data
        for name, day in list(cleaned.items()):
            if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
                self.add_error(name, _("Choose a day of these years."))
        return cleaned


class BeganFilter(admin.ListFilter):
    """When it began: of the last days, or of a range of one's own. Ids grow with time, so that their index serves."""

    title: Any = _("when it began")
    template = "admin/began_filter.html"
    NAMES = ("began", "since", "until")
    PERIODS = (("today", _("Today"), 1), ("7", _("7 days"), 7), ("30", _("30 days"), 30))

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        for name in self.NAMES:
            if values := params.pop(name, None):
                self.used_parameters[name] = values[-1]
        self.form = DaysForm(self.used_parameters)
        self.period = self.used_parameters.get("began")

    def expected_parameters(self) -> list[str | None]:
        return [*self.NAMES]

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: Any) -> list[dict[str, Any]]:  # type: ignore[override]
        """Periods as links, and what else was asked for, which the range keeps."""
        self.kept = [(name, values[-1]) for name, values in changelist.filter_params.items()
                     if name not in self.expected_parameters()]  # fmt: skip
        anything = {"selected": not self.used_parameters, "display": _("Any time"),
                    "query_string": changelist.get_query_string(remove=self.expected_parameters())}  # fmt: skip
        return [anything] + [
            {"selected": self.period == key, "display": name,
             "query_string": changelist.get_query_string({"began": key}, ["since", "until"])}
            for key, name, _days in self.PERIODS
        ]  # fmt: skip

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        since, until = self._days()
        asked = Q(pk__gte=_first_id(since)) if since else Q()
        return queryset.filter(asked & Q(pk__lt=_first_id(until + timedelta(days=1))) if until else asked)

    def _days(self) -> tuple[date | None, date | None]:
        """A range that cannot be read asks for nothing; the form says what is wrong with it."""
        for key, _name, days in self.PERIODS:
            if key == self.period:
                return timezone.localdate(timezone=timezone.get_default_timezone()) - timedelta(days=days - 1), None
        found = self.form.cleaned_data if self.form.is_valid() else {}
        return found.get("since"), found.get("until")


def _first_id(day: date) -> uuid.UUID:
    """Of the first moment of a day, in the installation's time zone; of the first that ids know, for days before."""
    moment = datetime.combine(max(day, date(1970, 1, 2)), time.min, tzinfo=timezone.get_default_timezone())
    return first_id_at(moment)
