"""The list of people, and a person's page."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations.models import Person
from tests.conversations.admin.conftest import Shop, listed, page

pytestmark = pytest.mark.django_db


def test_a_line_says_where_they_are_known_and_how_often_they_talked(operator: Client, shop: Shop) -> None:
    ada = shop.person("Ada")
    shop.talk("hello", who=ada, ended_at=timezone.now())
    shop.talk("hello", who=ada)
    row = operator.get(page(Person, "changelist")).context["cl"].result_list[0]
    assert (str(row), row.accounts, row.conversations) == ("Ada", "shop chat", 2)
    assert row.last_seen is not None


def test_people_are_found_by_name_and_id_and_by_being_blocked(operator: Client, shop: Shop, other: Shop) -> None:
    ada, grace = shop.person("Ada Lovelace", "u-1").person, shop.person("Grace", "u-2").person
    other.person("Ada Lovelace", "u-1")
    Person.objects.filter(pk=grace.pk).update(blocked_at=timezone.now())
    address = page(Person, "changelist")
    assert listed(operator.get(address, {"q": "LOVE"})) == [ada.pk]
    assert listed(operator.get(address, {"q": "u-2"})) == [grace.pk]
    assert listed(operator.get(address, {"blocked": "yes"})) == [grace.pk]
    assert listed(operator.get(address)) == [grace.pk, ada.pk]


def test_a_persons_page_shows_accounts_conversations_and_notes(operator: Client, shop: Shop) -> None:
    ada = shop.person("Ada", "u-1")
    talks = [shop.talk(f"hello {number}", who=ada) for number in range(21)]
    ada.person.notes.create(text="Rings twice.")
    text = operator.get(page(ada.person)).content.decode()
    assert "u-1" in text and "Rings twice." in text
    assert "hello 20" in text and f"/{talks[20].pk}/change/" in text and f"/{talks[0].pk}/change/" not in text
    assert f"?chat_user__person={ada.person.pk}" in text


def test_many_people_ask_no_more_questions(operator: Client, shop: Shop) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert operator.get(page(Person, "changelist")).status_code == 200
        return len(queries)

    shop.talk("hello")
    asked()
    few = asked()
    for number in range(15):
        shop.talk("hello", who=shop.person(f"Person {number}"))
    assert asked() == few
