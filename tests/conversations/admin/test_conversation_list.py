"""The list of conversations: what an operator looks for is found, and nothing is counted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations.admin.ledger import LedgerAdmin
from conversations.models import Conversation, Turn
from tests.conversations.admin.conftest import Shop, listed, page, signed_in

pytestmark = pytest.mark.django_db
LEDGER = [model for model, of_model in admin.site._registry.items() if isinstance(of_model, LedgerAdmin)]


def test_a_line_says_who_what_was_said_last_how_it_stands_and_what_it_cost(operator: Client, shop: Shop) -> None:
    talk = shop.talk("Where is my parcel?", "word " * 40, metadata={"test": True})
    shop.call(Turn.objects.get(), 2_000_000)
    shop.call(Turn.objects.get(), None)
    text = operator.get(page(Conversation, "changelist")).content.decode()
    for said in ("Ada (test)", "shop bot", "shop chat", "the bot answers", "$0.002000 + 1 unknown", "Newest first"):
        assert said in text, said
    assert "word word" in text and "…" in text and "word " * 17 not in text
    assert str(talk.pk) in text


def test_the_newest_comes_first_and_pages_follow(operator: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin.site._registry[Conversation], "list_per_page", 3)
    who = shop.person()
    talks = [shop.talk("hello", who=who).pk for _ in range(5)][::-1]
    address = page(Conversation, "changelist")
    assert listed(operator.get(address)) == talks[:3]
    assert listed(operator.get(address, {"p": 2})) == talks[3:]
    assert listed(operator.get(address, {"p": 3})) == []
    assert "?p=2" in operator.get(address).content.decode()


def test_each_filter_shows_what_it_says(operator: Client, shop: Shop) -> None:
    now = timezone.now()
    talks: dict[str, Any] = {
        "bot": shop.talk("hello"),
        "waiting": shop.talk("hello", owner="waiting", waiting_since=now),
        "human": shop.talk("hello", owner="human"),
        "closed": shop.talk("hello", owner="closed", ended_at=now),
        "test": shop.talk("hello", metadata={"test": True}),
        "old": shop.talk("hello", at=now - timedelta(days=10), ended_at=now),
    }
    Turn.objects.filter(conversation=talks["human"]).update(state="failed")
    names = {talk.pk: name for name, talk in talks.items()}
    day = timezone.localdate()

    def shown(**query: str) -> set[str]:
        return {names[pk] for pk in listed(operator.get(page(Conversation, "changelist"), query))}

    assert shown(owner__exact="bot") == {"bot", "test"}
    assert shown(owner__exact="waiting") == {"waiting"}
    assert shown(owner__exact="human") == {"human"}
    assert shown(owner__exact="closed") == {"closed", "old"}
    assert shown(failed="yes") == {"human"}
    assert shown(test="only") == {"test"}
    assert shown(test="without") == set(talks) - {"test"}
    assert shown(began="today") == shown(began="7") == set(talks) - {"old"}
    assert shown(began="30") == set(talks)
    assert shown(until=f"{day - timedelta(days=5)}") == {"old"}
    assert shown(since=f"{day - timedelta(days=11)}", until=f"{day - timedelta(days=9)}") == {"old"}
    assert shown(bot=str(shop.bot.pk), channel=str(shop.channel.pk)) == set(talks)
    assert shown(bot=str(shop.channel.pk)) == shown(channel="nonsense") == set()
    assert shown(owner__exact="nonsense", began="nonsense", since="nonsense") == set(talks)
    fault = operator.get(page(Conversation, "changelist"), {"since": "nonsense"}).content.decode()
    assert "Enter a valid date." in fault


def test_a_conversation_is_found_by_name_id_on_the_channel_and_its_own_id(
    operator: Client, shop: Shop, other: Shop
) -> None:
    ada, grace = shop.person("Ada Lovelace", "u-1"), shop.person("Grace Hopper", "u-2")
    first, second = shop.talk("hello", who=ada), shop.talk("hello", who=grace)
    foreign = other.talk("hello", who=other.person("Ada Lovelace", "u-1"))

    def found(term: str) -> list[Any]:
        return listed(operator.get(page(Conversation, "changelist"), {"q": term}))

    assert found("lovelace") == [first.pk]
    assert found("u-2") == [second.pk]
    assert found(str(first.pk)) == [first.pk]
    assert found(str(foreign.pk)) == found("nobody") == []
    assert found("u-") == []  # an id is exact
    person = {"chat_user__person": str(ada.person_id)}
    assert listed(operator.get(page(Conversation, "changelist"), person)) == [first.pk]


def test_bots_and_channels_of_others_are_not_offered(operator: Client, shop: Shop, other: Shop) -> None:
    text = operator.get(page(Conversation, "changelist")).content.decode()
    assert str(shop.bot.pk) in text
    assert str(other.bot.pk) not in text and "other chat" not in text


def test_a_longer_list_asks_no_more_questions(operator: Client, shop: Shop) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert operator.get(page(Conversation, "changelist")).status_code == 200
        return len(queries)

    shop.call(Turn.objects.get(conversation=shop.talk("hello", "hi")), 1)
    asked()
    few = asked()
    for _ in range(15):
        shop.call(Turn.objects.get(conversation=shop.talk("hello", "hi", who=shop.person())), 1)
    assert asked() == few


@pytest.mark.parametrize("model", LEDGER, ids=lambda model: model.__name__)
@pytest.mark.parametrize("role", ["superuser", "administrator"])
def test_no_list_of_the_ledger_is_counted(client: Client, shop: Shop, model: Any, role: str) -> None:
    shop.talk("hello", "hi")
    if role == "superuser":
        client.force_login(get_user_model().objects.create_superuser("root"))
    else:
        signed_in(client, shop, role)
    for query in ({}, {"p": "2"}, {"q": "Ada"}, {"state__exact": "done"}, {"failed": "yes"}, {"began": "7"}):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(page(model, "changelist"), query, follow=True).status_code == 200
        assert [each["sql"] for each in queries if "COUNT(*)" in each["sql"]] == []


def test_all_lists_of_the_ledger_are_such_lists() -> None:
    names = {model.__name__ for model in LEDGER}
    assert names == {"Conversation", "Person", "Turn", "ModelCall", "Delivery", "RawEvent"}
