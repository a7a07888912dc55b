"""The conversations behind a figure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max

from analytics.figures import SUMS, Figures
from analytics.forms import MOST_PAGES, Filters
from analytics.reports import calls_for, within
from conversations.models import Conversation

ON_A_PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A conversation, and what it cost within the filters."""

    conversation: Conversation
    figures: Figures
    last_call: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of them, dearest first. `more`: another page follows."""

    talks: list[Talk]
    number: int
    more: bool


def page_of(user: Any, filters: Filters) -> Page:
    """The page that the filters ask for. They are not counted: one too many is asked for instead."""
    first = (filters.page - 1) * ON_A_PAGE
    calls = calls_for(user, filters).filter(within(filters.since, filters.until))
    sums = calls.order_by().values("conversation").annotate(**SUMS, last_call=Max("created_at"))
    rows = list(sums.order_by("-nanodollars", "-tokens_out", "conversation")[first : first + ON_A_PAGE + 1])
    shown = rows[:ON_A_PAGE]
    found = _conversations(user, [row["conversation"] for row in shown])
    talks = [
        Talk(conversation=found[row["conversation"]], figures=Figures.of(row), last_call=row["last_call"])
        for row in shown
        if row["conversation"] in found  # erased between the two queries
    ]
    return Page(talks=talks, number=filters.page, more=len(rows) > ON_A_PAGE and filters.page < MOST_PAGES)


def _conversations(user: Any, ids: list[Any]) -> dict[Any, Conversation]:
    rows = Conversation.objects.for_actor(user).select_related("bot", "channel")
    return {row.pk: row for row in rows.filter(pk__in=ids)}
