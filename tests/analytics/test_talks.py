"""The conversations behind a figure, page by page."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from analytics import talks
from tests.analytics.conftest import CENT, Place, ago, noon

pytestmark = pytest.mark.django_db


def test_dearest_first_with_a_link_to_each(staff: Client, shop: Place) -> None:
    cheap, dear, unknown = shop.talk(title="Cheap"), shop.talk(title="Dear"), shop.talk(title="Unknown")
    shop.call(CENT, talk=cheap)
    shop.call(3 * CENT, talk=dear)
    shop.call(None, talk=dear)
    shop.call(None, talk=unknown, at=noon(2))
    page = staff.get("/analytics/conversations/")
    shown = [(talk.conversation.title, talk.figures.cost) for talk in page.context["page"].talks]
    assert shown == [("Dear", "$0.0300 + 1 call unknown"), ("Cheap", "$0.0100"), ("Unknown", "unknown")]
    for talk in (cheap, dear, unknown):
        address = reverse("admin:conversations_conversation_change", args=[talk.pk])
        assert f'<a href="{address}">{talk.title}</a>' in page.content.decode()
    narrow = staff.get("/analytics/conversations/", {"since": f"{ago(2)}", "until": f"{ago(2)}"})
    assert [talk.conversation.title for talk in narrow.context["page"].talks] == ["Unknown"]


def test_a_conversation_counts_with_its_calls_of_the_period_only(staff: Client, shop: Place) -> None:
    talk = shop.talk()
    shop.call(CENT, talk=talk)
    shop.call(2 * CENT, talk=talk, model="small")
    shop.call(4 * CENT, talk=talk, at=noon(3))
    asked = {"period": "today", "model": str(shop.models["small"].pk)}
    found = staff.get("/analytics/conversations/", asked).context["page"].talks
    assert [talk.figures.nanodollars for talk in found] == [2 * CENT]


def test_pages_hold_each_conversation_once(staff: Client, shop: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talks, "ON_A_PAGE", 3)
    for _number in range(7):
        shop.call(CENT)
    pages = [staff.get("/analytics/conversations/", {"page": number}) for number in (1, 2, 3, 4)]
    shown = [[talk.conversation.pk for talk in page.context["page"].talks] for page in pages]
    assert [len(found) for found in shown] == [3, 3, 1, 0]
    assert len({pk for found in shown for pk in found}) == 7
    assert [page.context["page"].more for page in pages] == [True, True, False, False]
    assert "page=3" in pages[1].content.decode() and "page=1" in pages[1].content.decode()


def test_the_database_is_asked_a_few_times(staff: Client, shop: Place) -> None:
    shop.call()
    staff.get("/analytics/conversations/")
    with CaptureQueriesContext(connection) as few:
        staff.get("/analytics/conversations/")
    for number in range(10):
        shop.call(talk=shop.talk(bot=shop.new_bot(f"bot {number}")))
    with CaptureQueriesContext(connection) as many:
        staff.get("/analytics/conversations/")
    assert len(many) == len(few) <= 20
