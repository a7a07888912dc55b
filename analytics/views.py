"""The cost report, the conversations behind its figures, and both as files."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from analytics import chart, reports, spreadsheet, talks
from analytics.forms import PERIOD_NAMES, FilterForm, Filters
from analytics.names import Names
from analytics.patience import TooSlow, limited

COSTS, CONVERSATIONS = "conversations.view_modelcall", "conversations.view_conversation"
View = Callable[..., HttpResponse]


def for_staff(*permissions: str) -> Callable[[View], View]:
    """Anonymous visitors are asked to log in; to staff without these permissions the page does not exist."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, **arguments: Any) -> HttpResponse:
            if not request.user.has_perms(permissions):
                raise Http404("no such page")
            return view(request, **arguments)

        return admin.site.admin_view(require_safe(guarded))

    return guard


@for_staff(COSTS)
def report(request: HttpRequest) -> HttpResponse:
    """Figures by day, bot, channel and model, with charts."""

    def answer(form: FilterForm) -> HttpResponse:
        found = reports.make(request.user, form.filters, form.names)
        charts = [chart.of_dollars(found.by_day), chart.of_tokens(found.by_day)]
        return _page(request, "report", form, report=found, charts=charts)

    return _answer(request, answer)


@for_staff(COSTS)
def report_file(request: HttpRequest, by: str) -> HttpResponse:
    """One of its tables as CSV."""
    if by not in reports.GROUPS:
        raise Http404("no such table")

    def answer(form: FilterForm) -> HttpResponse:
        found = reports.make(request.user, form.filters, form.names)
        return spreadsheet.of_table(found.tables[by], form.filters)

    return _answer(request, answer)


@for_staff(COSTS, CONVERSATIONS)
def conversations(request: HttpRequest) -> HttpResponse:
    """The conversations behind a figure, dearest first."""

    def answer(form: FilterForm) -> HttpResponse:
        page = talks.page_of(request.user, form.filters)
        return _page(request, "conversations", form, page=page, query=form.filters.query)

    return _answer(request, answer)


@for_staff(COSTS, CONVERSATIONS)
def conversations_file(request: HttpRequest) -> HttpResponse:
    """The same page as CSV."""

    def answer(form: FilterForm) -> HttpResponse:
        return spreadsheet.of_talks(talks.page_of(request.user, form.filters), form.filters)

    return _answer(request, answer)


def _answer(request: HttpRequest, answer: Callable[[FilterForm], HttpResponse]) -> HttpResponse:
    """What is asked for; the form with its errors (400), or a sentence where it would take too long (503)."""
    form = FilterForm(request.GET, names=Names.of(request.user))
    if not form.is_valid():
        return _page(request, "report", form, status=400)
    try:
        with limited():
            return answer(form)
    except TooSlow:
        return _page(request, "report", form, status=503, too_slow=True)


def _page(request: HttpRequest, name: str, form: FilterForm, *, status: int = 200, **more: Any) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": _("Conversations behind a figure") if name == "conversations" else _("Costs"),
        "form": form,
        "periods": _periods(form),
        "zone": settings.TIME_ZONE,
        "may_read": request.user.has_perm(CONVERSATIONS),
        **more,
    }
    return render(request, f"analytics/{name}.html", context, status=status)


def _periods(form: FilterForm) -> list[tuple[Any, str, bool]]:
    """Name, address and whether it is the one shown, of each period; what else was chosen is kept."""
    if not form.is_valid():
        return [(name, f"period={period}", False) for period, name in PERIOD_NAMES]
    shown = form.filters
    kept = {"bot": shown.bot, "channel": shown.channel, "model": shown.model}
    return [(name, Filters.last(period, **kept).query, shown.period == period) for period, name in PERIOD_NAMES]
