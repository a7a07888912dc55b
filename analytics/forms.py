"""What a report is asked for, as it stands in the address."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from analytics.names import Names

PERIODS = {"today": 1, "7": 7, "30": 30, "90": 90}  # days, today among them
PERIOD_NAMES = [("today", _("Today")), ("7", _("7 days")), ("30", _("30 days")), ("90", _("90 days"))]
DEFAULT_PERIOD = "30"
MOST_DAYS = 366
FIRST_DAY = date(2000, 1, 1)
MOST_PAGES = 1_000


def today() -> date:
    """The day it is in the installation's time zone, which decides where days begin."""
    return timezone.localdate(timezone=timezone.get_default_timezone())


def start_of(day: date) -> datetime:
    """The moment at which a day begins."""
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Days from `since` to `until`, both included; ids of a bot, channel and model, "" for all.

    `period` is one of PERIODS, or "" where the days were named.
    """

    since: date
    until: date
    period: str = ""
    bot: str = ""
    channel: str = ""
    model: str = ""
    page: int = 1

    @classmethod
    def last(cls, period: str, **more: Any) -> Filters:
        """Of so many days up to today."""
        until = today()
        return cls(since=until - timedelta(days=PERIODS[period] - 1), until=until, period=period, **more)

    def on(self, day: date) -> Filters:
        """The same of one day."""
        return replace(self, since=day, until=day, period="")

    def of(self, name: str, value: str) -> Filters:
        """The same of one bot, channel or model."""
        chosen: dict[str, Any] = {name: value}
        return replace(self, **chosen)

    @property
    def days(self) -> list[date]:
        return [self.since + timedelta(days=n) for n in range((self.until - self.since).days + 1)]

    @property
    def query(self) -> str:
        """What stands in the address after its question mark, without the page."""
        days = {"period": self.period} if self.period else {"since": f"{self.since}", "until": f"{self.until}"}
        chosen = {"bot": self.bot, "channel": self.channel, "model": self.model}
        return urlencode(days | {name: value for name, value in chosen.items() if value})


def _day(label: Any) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )


class FilterForm(forms.Form):
    """The filters. Days that are named hold over the period; without either the last 30 days are shown."""

    period = forms.ChoiceField(required=False, choices=PERIOD_NAMES, widget=forms.HiddenInput)
    since = _day(_("From"))
    until = _day(_("To"))
    bot = forms.ChoiceField(label=_("Bot"), required=False)
    channel = forms.ChoiceField(label=_("Channel"), required=False)
    model = forms.ChoiceField(label=_("Model"), required=False)
    page = forms.IntegerField(required=False, min_value=1, max_value=MOST_PAGES)

    def __init__(self, data: Any, *, names: Names) -> None:
        super().__init__(data, label_suffix="")
        self.names = names
        self._offer("bot", _("All bots"), names.bots)
        self._offer("channel", _("All channels"), names.channels)
        self._offer("model", _("All models"), names.models)

    def _offer(self, name: str, none: Any, choices: dict[str, str]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  for the type checker
        field.choices = [("", none), *choices.items()]

    def clean_until(self) -> date | None:
        """None, or a day that has come."""
        until: date | None = self.cleaned_data["until"]
        if until and until > today():
            raise forms.ValidationError(_("This day has not come yet."))
        return until

    def clean_since(self) -> date | None:
        """None, or a day that has come, in this millennium."""
        since: date | None = self.cleaned_data["since"]
        if since and not FIRST_DAY <= since <= today():
            raise forms.ValidationError(_("Choose a day between 2000 and today."))
        return since

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if not {"since", "until"} & self.errors.keys():
            self._clean_days(data["since"], data["until"])
        return data

    def _clean_days(self, since: date | None, until: date | None) -> None:
        if until and not since:
            self.add_error("since", _("Say from which day."))
        elif since and until and until < since:
            self.add_error("until", _("This is before the first day."))
        elif since and ((until or today()) - since).days >= MOST_DAYS:
            self.add_error("since", _("A report shows %(most)d days at most.") % {"most": MOST_DAYS})

    @property
    def filters(self) -> Filters:
        """What a valid form asks for."""
        data = self.cleaned_data
        more = {name: data[name] for name in ("bot", "channel", "model")} | {"page": data["page"] or 1}
        if data["since"]:
            return Filters(since=data["since"], until=data["until"] or today(), **more)
        return Filters.last(data["period"] or DEFAULT_PERIOD, **more)
