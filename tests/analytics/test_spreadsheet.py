"""What is shown, as CSV; and that no cell of it is a formula."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.test import Client

from analytics.spreadsheet import harmless
from conversations.models import Conversation
from tests.analytics.conftest import CENT, Place, ago, noon

pytestmark = pytest.mark.django_db
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1", '=HYPERLINK("http://evil")', "-"]


def rows_of(client: Client, path: str, **asked: Any) -> list[dict[str, str]]:
    response = client.get(f"/analytics/{path}", asked)
    assert response.status_code == 200
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))


def test_a_table_as_it_is_shown(staff: Client, shop: Place) -> None:
    shop.call(1, tokens=100)
    shop.call(CENT, tokens=200, at=noon(1))
    shop.call(None, tokens=None, at=noon(1))
    shop.call(None, tokens=None, at=noon(2), model="small")
    days = rows_of(staff, "day.csv", period="7")
    assert [row["day"] for row in days] == [f"{ago(n)}" for n in range(7)]
    assert list(days[0].values()) == [f"{ago(0)}", "1", "100", "50", "10", "0", "0.000000001", "0"]
    assert list(days[1].values()) == [f"{ago(1)}", "2", "200", "100", "20", "1", "0.01", "1"]
    assert list(days[2].values()) == [f"{ago(2)}", "1", "unknown", "unknown", "unknown", "1", "unknown", "1"]
    assert list(days[3].values()) == [f"{ago(3)}", "0", "0", "0", "0", "0", "0", "0"]
    models = rows_of(staff, "model.csv", period="7", model=shop.models["small"].pk)
    assert [(row["model"], row["dollars"]) for row in models] == [("shop/small", "unknown")]


def test_the_file_is_named_after_what_it_holds(staff: Client) -> None:
    response = staff.get("/analytics/bot.csv", {"period": "7"})
    name = f"switchboard-cost-by-bot-{ago(6)}-{ago(0)}.csv"
    assert response["Content-Disposition"] == f'attachment; filename="{name}"'


def test_conversations_as_they_are_shown(staff: Client, shop: Place) -> None:
    talk = shop.talk(title="Bücher, neue")
    shop.call(CENT, talk=talk)
    (row,) = rows_of(staff, "conversations.csv")
    assert (row["conversation"], row["title"], row["dollars"]) == (str(talk.pk), "Bücher, neue", "0.01")
    assert (row["bot"], row["channel"]) == ("shop bot", "shop channel")


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_name_is_a_formula(staff: Client, shop: Place, formula: str) -> None:
    shop.call(talk=shop.talk(bot=shop.new_bot(formula), channel=shop.new_channel(formula), title=formula))
    shop.models["big"].provider.slug = formula
    shop.models["big"].provider.save()
    asked = [("bot.csv", "bot"), ("channel.csv", "channel"), ("model.csv", "model"), ("conversations.csv", "title")]
    for path, column in asked:
        (row,) = rows_of(staff, path)
        assert row[column].startswith(f"'{formula}"), path


def test_other_texts_and_numbers_stay_as_they_are() -> None:
    for text in ("", "0.01", "unknown", "2026-11-01", "a=b", "Ünïcode", "'quoted"):
        assert harmless(text) == text


def test_a_title_that_breaks_lines_breaks_no_row(staff: Client, shop: Place) -> None:
    shop.call(talk=shop.talk(title='a"b,c\r\n=1'))
    (row,) = rows_of(staff, "conversations.csv")
    assert row["title"] == Conversation.objects.get().title
