"""What the team does: it is done, told in the row's history, and refused with a sentence."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from conversations.models import Conversation, Message, Note, Turn
from tests.conversations.admin.conftest import Shop, page, signed_in

pytestmark = pytest.mark.django_db


def told(answer: Any) -> list[str]:
    return [str(message) for message in answer.context["messages"]]


def test_ending_stops_what_the_bot_would_say_and_is_remembered(operator: Client, shop: Shop) -> None:
    talk = shop.talk("Where?")
    Turn.objects.update(state="queued")
    assert told(operator.post(page(talk, "end"), follow=True)) == ["Ended the conversation."]
    talk.refresh_from_db()
    assert (talk.owner, talk.ended_at is not None, Turn.objects.get().state) == ("closed", True, "stopped")
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.get_change_message()) == (str(talk.pk), "Ended the conversation.")
    assert "Ended the conversation." in operator.get(page(talk, "history")).content.decode()
    for again in ("end", "take", "hand_back"):
        assert told(operator.post(page(talk, again), follow=True)) == ["This conversation is over."]
    assert LogEntry.objects.count() == 1


def test_taking_over_and_handing_back(operator: Client, shop: Shop) -> None:
    talk = shop.talk("Where?")
    operator.post(page(talk, "take"))
    talk.refresh_from_db()
    assert (talk.owner, str(talk.assigned_to)) == ("human", "operator of shop")
    operator.post(page(talk, "hand_back"))
    talk.refresh_from_db()
    assert talk.owner == "bot"


def test_a_note_is_for_the_team_alone(operator: Client, shop: Shop) -> None:
    talk = shop.talk("Where?")
    before = Message.objects.count()
    answer = operator.post(page(talk, "note"), {"text": "<b>Rang</b> twice."}, follow=True)
    note = Note.objects.get()
    assert (note.person, note.conversation, str(note.author)) == (
        talk.chat_user.person, talk, "operator of shop",
    )  # fmt: skip
    assert "&lt;b&gt;Rang&lt;/b&gt; twice." in answer.content.decode()
    assert "&lt;b&gt;Rang&lt;/b&gt; twice." in operator.get(page(talk.chat_user.person)).content.decode()
    assert Message.objects.count() == before
    for text in ("", "   ", "x" * 4_001, "a\0b"):
        fault = told(operator.post(page(talk, "note"), {"text": text}, follow=True))
        assert len(fault) == 1 and fault[0].startswith("Note: ")
    assert Note.objects.count() == 1


def test_blocking_and_unblocking(operator: Client, shop: Shop) -> None:
    person: Any = shop.talk("Where?").chat_user.person
    Turn.objects.update(state="running")
    here = page(Conversation.objects.get())
    answer = operator.post(page(person, "block"), {"next": here}, follow=True)
    assert answer.redirect_chain == [(here, 302)] and told(answer) == ["Blocked the person."]
    person.refresh_from_db()
    assert person.blocked_at is not None and Turn.objects.get().stop_requested
    assert told(operator.post(page(person, "block"), follow=True)) == ["This person is blocked already."]
    assert told(operator.post(page(person, "unblock"), follow=True)) == ["Unblocked the person."]
    person.refresh_from_db()
    assert person.blocked_at is None
    assert told(operator.post(page(person, "unblock"), follow=True)) == ["This person is not blocked."]


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "", "\\\\x"])
def test_nobody_is_led_to_a_foreign_page(operator: Client, shop: Shop, wanted: str) -> None:
    talk = shop.talk("Where?")
    assert operator.post(page(talk, "note"), {"text": "x", "next": wanted})["Location"] == page(talk)


def test_nothing_is_done_without_the_forms_token(client: Client, shop: Shop) -> None:
    strict = Client(enforce_csrf_checks=True)
    signed_in(strict, shop, "operator")
    talk = shop.talk("Where?")
    assert strict.post(page(talk, "end")).status_code == 403
    talk.refresh_from_db()
    assert talk.ended_at is None
