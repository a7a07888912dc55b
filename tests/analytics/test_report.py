"""The cost report: its numbers, its days, its filters."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from analytics.forms import start_of, today
from analytics.reports import Line, Report
from tests.analytics.conftest import CENT, Place, ago, noon, ours

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]


def report(client: Client, **asked: Any) -> Report:
    page = client.get("/analytics/", asked)
    assert page.status_code == 200
    found: Report = page.context["report"]
    return found


def lines(found: Report, by: str) -> dict[str, str]:
    return {line.name: line.figures.cost for line in found.tables[by].lines if line.figures.calls}


def test_sums_by_day_bot_channel_and_model(staff: Client, shop: Place) -> None:
    second, phone = shop.new_bot("Second"), shop.new_channel("Phone")
    shop.call(2 * CENT)
    shop.call(3 * CENT, model="small", at=noon(1))
    shop.call(5 * CENT, talk=shop.talk(bot=second, channel=phone), at=noon(1))
    found = report(staff)
    assert found.total.cost == "$0.10"
    assert (found.total.tokens_in, found.total.tokens_cached, found.total.tokens_out) == (300, 150, 30)
    assert lines(found, "day") == {f"{ago(0)}": "$0.0200", f"{ago(1)}": "$0.0800"}
    assert lines(found, "bot") == {"shop bot": "$0.0500", "Second": "$0.0500"}
    assert lines(found, "channel") == {"shop channel": "$0.0500", "Phone": "$0.0500"}
    assert list(lines(found, "model").items()) == [("shop/big", "$0.0700"), ("shop/small", "$0.0300")]


def test_every_day_has_a_line_and_a_bar_also_an_idle_one(staff: Client, shop: Place) -> None:
    shop.call(at=noon(3))
    page = staff.get("/analytics/", {"period": "7"})
    found = page.context["report"]
    assert [line.name for line in found.tables["day"].lines] == [f"{ago(n)}" for n in range(7)]
    text = page.content.decode()
    assert text.count('role="img"') == 2
    assert text.count('<rect class="bar"') == 14
    assert f"<title>{ago(3)}: $0.0100</title>" in text and f"<title>{ago(2)}: $0.00</title>" in text


def test_an_unknown_cost_stands_beside_the_sum_and_is_never_nothing(staff: Client, shop: Place) -> None:
    shop.call(None, model="small")
    found = report(staff)
    assert (found.total.cost, found.total.dollars) == ("unknown", None)
    shop.call(CENT)
    shop.call(None, tokens=None, model="small")
    found = report(staff)
    assert (found.total.cost, found.total.shown_in) == ("$0.0100 + 2 calls unknown", "200 + 1 call unknown")
    assert lines(found, "model") == {"shop/big": "$0.0100", "shop/small": "unknown"}
    page = staff.get("/analytics/").content.decode()
    assert "$0.0100 + 2 calls unknown" in page
    assert 'class="partial"' in page


def test_no_calls_cost_nothing(staff: Client) -> None:
    found = report(staff)
    assert (found.total.cost, found.total.shown_in) == ("$0.00", "0")
    assert b"No model was called in this time." in staff.get("/analytics/").content


def test_a_price_of_nothing_is_known(staff: Client, shop: Place) -> None:
    shop.call(0)
    assert report(staff).total.cost == "$0.00"


def test_a_day_ends_where_the_next_begins(staff: Client, shop: Place) -> None:
    midnight = start_of(ago(2))
    shop.call(CENT, at=midnight - timedelta(microseconds=1))
    shop.call(2 * CENT, at=midnight)
    shop.call(4 * CENT, at=midnight + timedelta(days=1, microseconds=-1))
    shop.call(8 * CENT, at=midnight + timedelta(days=1))
    assert report(staff, since=ago(2), until=ago(2)).total.nanodollars == 6 * CENT
    assert lines(report(staff), "day") == {f"{ago(3)}": "$0.0100", f"{ago(2)}": "$0.0600", f"{ago(1)}": "$0.0800"}


@pytest.mark.parametrize(("period", "days"), [("today", 1), ("7", 7), ("30", 30), ("90", 90), ("", 30)])
def test_a_period_counts_today(staff: Client, shop: Place, period: str, days: int) -> None:
    shop.call(CENT)
    shop.call(CENT, at=noon(days - 1))
    shop.call(CENT, at=noon(days))
    shop.call(CENT, at=noon() + timedelta(days=1))  # a clock that is ahead
    found = report(staff, period=period)
    assert (found.filters.since, found.filters.until) == (ago(days - 1), today())
    assert found.total.calls == 2


def test_today_is_compared_with_yesterday_until_this_time(staff: Client, shop: Place) -> None:
    now = timezone.now()
    late = start_of(today()) - timedelta(microseconds=1)
    shop.call(3 * CENT)
    shop.call(2 * CENT, at=noon(1) - timedelta(hours=12))
    shop.call(4 * CENT, at=late)
    shop.call(8 * CENT, at=noon(40))
    found = report(staff, period="today")
    assert (found.today.nanodollars, found.yesterday.nanodollars) == (3 * CENT, 6 * CENT)
    assert now - timedelta(days=1) < late, "midnight passed while this ran"
    assert (found.yesterday_by_now.nanodollars, found.change) == (2 * CENT, "+50 %")
    yesterday = 6 * CENT if today().day > 1 else 0
    assert found.month.nanodollars == 3 * CENT + yesterday
    shop.call(None)
    assert report(staff).change == ""


def test_the_figures_at_a_glance_do_not_hang_on_the_period(staff: Client, shop: Place) -> None:
    shop.call(CENT)
    shop.call(5 * CENT, at=noon(60))
    found = report(staff, since=ago(61), until=ago(59))
    assert (found.total.nanodollars, found.today.nanodollars, found.month.nanodollars) == (5 * CENT, CENT, CENT)
    assert lines(found, "bot") == {"shop bot": "$0.0500"}


def test_bot_channel_and_model_are_chosen_in_the_address(staff: Client, shop: Place) -> None:
    second, phone = shop.new_bot("Second"), shop.new_channel("Phone")
    shop.call(CENT)
    shop.call(2 * CENT, model="small")
    shop.call(4 * CENT, talk=shop.talk(bot=second))
    shop.call(8 * CENT, talk=shop.talk(channel=phone))
    for asked, cents in [
        ({"bot": second.pk}, 4),
        ({"channel": phone.pk}, 8),
        ({"model": shop.models["small"].pk}, 2),
        ({"bot": shop.bot.pk, "channel": shop.channel.pk, "model": shop.models["big"].pk}, 1),
        ({"bot": second.pk, "channel": phone.pk}, 0),
    ]:
        found = report(staff, **asked)
        assert (found.total.nanodollars, found.today.nanodollars) == (cents * CENT, cents * CENT), asked
    page = staff.get("/analytics/", {"bot": second.pk, "period": "7"}).content.decode()
    assert f'href="?period=90&amp;bot={second.pk}"' in page  # another period keeps the bot
    assert f'<option value="{second.pk}" selected>' in page


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"period": "8"}, "period"),
        ({"period": "<script>"}, "period"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-02-30"}, "since"),
        ({"since": "0001-01-01", "until": "0001-01-02"}, "since"),
        ({"since": "9999-12-31"}, "since"),
        ({"until": "9999-12-31"}, "until"),
        ({"until": "2020-01-01"}, "since"),
        ({"since": "2020-01-02", "until": "2020-01-01"}, "until"),
        ({"since": "2020-01-01", "until": "2021-01-01"}, "since"),
        ({"bot": "1"}, "bot"),
        ({"bot": "00000000-0000-0000-0000-000000000001"}, "bot"),
        ({"channel": "\x01"}, "channel"),
        ({"model": "shop/big' OR 1=1"}, "model"),
        ({"page": "0"}, "page"),
        ({"page": "9" * 30}, "page"),
        ({"page": "x"}, "page"),
    ],
)
@pytest.mark.parametrize("path", ["", "conversations/", "conversations.csv", "day.csv"])
def test_bad_values_are_errors_of_the_form(staff: Client, path: str, asked: dict[str, str], field: str) -> None:
    page = staff.get(f"/analytics/{path}", asked)
    assert page.status_code == 400
    assert list(page.context["form"].errors) == [field]
    assert b"errorlist" in page.content and "report" not in page.context
    assert b"<script>alert" not in page.content


def test_the_longest_time_is_a_year(staff: Client) -> None:
    assert len(report(staff, since="2024-01-01", until="2024-12-31").filters.days) == 366


def test_test_chats_are_left_out(staff: Client, shop: Place) -> None:
    for metadata in ({}, {"stateless": True}, {"test": False}, {"tested": True}):
        shop.call(CENT, talk=shop.talk(metadata=metadata))
    shop.call(100 * CENT, talk=shop.talk(metadata={"test": True}))
    shop.call(100 * CENT, talk=shop.talk(metadata={"stateless": True, "test": True}))
    found = report(staff)
    assert (found.total.nanodollars, found.month.nanodollars) == (4 * CENT, 4 * CENT)
    assert len(staff.get("/analytics/conversations/").context["page"].talks) == 4


def test_a_line_leads_to_its_conversations(staff: Client, shop: Place) -> None:
    second = shop.new_bot("Second")
    shop.call(CENT, talk=shop.talk(title="First talk"))
    shop.call(CENT, talk=shop.talk(title="Second talk", bot=second), at=noon(1))
    page = staff.get("/analytics/", {"period": "7", "channel": shop.channel.pk})
    found: Report = page.context["report"]

    def shown(line: Line) -> list[str]:
        assert f'href="/analytics/conversations/?{line.query}"'.replace("&", "&amp;") in page.content.decode()
        talks = staff.get(f"/analytics/conversations/?{line.query}").context["page"].talks
        return [talk.conversation.title for talk in talks]

    days = found.tables["day"].lines
    assert (shown(days[0]), shown(days[1]), days[2].query) == (["First talk"], ["Second talk"], "")
    assert {line.name: shown(line) for line in found.tables["bot"].lines} == {
        "shop bot": ["First talk"], "Second": ["Second talk"],
    }  # fmt: skip


def test_the_database_is_asked_a_few_times_however_much_there_is(staff: Client, shop: Place) -> None:
    shop.call()
    staff.get("/analytics/")  # the admin remembers a thing or two
    with CaptureQueriesContext(
        connection,
    ) as few:
        staff.get("/analytics/")
    for number in range(5):
        bot, channel = shop.new_bot(f"bot {number}"), shop.new_channel(f"channel {number}")
        for days in range(3):
            shop.call(talk=shop.talk(bot=bot, channel=channel), at=noon(days))
    with CaptureQueriesContext(connection) as many:
        staff.get("/analytics/")
    assert len(many) == len(few) <= 20
    assert sum("conversations_modelcall" in query["sql"] for query in many) == 2


def test_the_page_brings_no_script_and_no_style_of_its_own(staff: Client, shop: Place) -> None:
    shop.call()
    for path in ("", "conversations/"):
        text = staff.get(f"/analytics/{path}").content.decode()
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=", ours(text))
        assert '<link rel="stylesheet" href="/static/analytics/report.css">' in text
