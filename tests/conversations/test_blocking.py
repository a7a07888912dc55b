"""Blocked people: their messages are stored, nobody answers, and they are told so once an hour at most."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from bots.threads import in_thread
from channels_integrations.setup import Setup
from conversations import blocking, turn_requests
from conversations.accept import accept
from conversations.models import Message, ModelCall, Person, Turn
from conversations.pipeline import answer
from tests.conversations.conftest import said
from tests.conversations.socket_client import clients

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]


async def test_they_are_told_once_and_then_nothing_is_answered(demo: Setup) -> None:
    first = await in_thread(accept, demo, said("hello"))
    await answer(first.conversation_id)
    person = await in_thread(Person.objects.get)
    assert await in_thread(blocking.block, person.pk)
    calls = await in_thread(ModelCall.objects.count)
    told = await in_thread(accept, demo, said("hello?"))
    reply = await answer(told.conversation_id)
    assert reply is not None and reply.message.text.startswith("I may not answer you here.")
    silent = [await in_thread(accept, demo, said(text)) for text in ("/help", "why?")]
    assert [one.turn_id for one in silent] == [None, None]
    assert await answer(told.conversation_id) is None
    assert await in_thread(ModelCall.objects.count) == calls
    texts = await in_thread(
        lambda: list(Message.objects.filter(role="user").order_by("seq").values_list("text", "in_context"))
    )
    assert texts[1:] == [("hello?", False), ("/help", False), ("why?", False)]
    await in_thread(lambda: Person.objects.update(blocked_told_at=Now() - timedelta(minutes=61)))
    assert (await in_thread(accept, demo, said("and now?"))).turn_id is not None


async def test_after_the_block_they_are_answered_and_models_see_nothing_of_it(demo: Setup) -> None:
    first = await in_thread(accept, demo, said("my name is Ada"))
    await answer(first.conversation_id)
    person = await in_thread(Person.objects.get)
    await in_thread(blocking.block, person.pk)
    await in_thread(accept, demo, said("my name is Mallory"))
    await answer(first.conversation_id)
    await in_thread(accept, demo, said("my name is Mallory"))
    await in_thread(blocking.unblock, person.pk)
    await in_thread(accept, demo, said("what is my name?"))
    reply = await answer(first.conversation_id)
    assert reply is not None and "Ada" in reply.message.text


async def test_what_waits_is_not_answered_and_a_retry_is_refused(demo: Setup) -> None:
    first = await in_thread(accept, demo, said("hello"))
    person = await in_thread(Person.objects.get)
    await in_thread(blocking.block, person.pk)
    assert (await in_thread(Turn.objects.get)).state == "stopped"
    assert first.turn_id is not None
    assert not await in_thread(turn_requests.queue_again, first.conversation_id, first.turn_id)


def test_it_costs_others_no_statement(demo: Setup) -> None:
    accept(demo, said("hello"))
    with CaptureQueriesContext(connection) as queries:
        accept(demo, said("hello"))
    assert not [each for each in queries if each["sql"].startswith("UPDATE") and "person" in each["sql"]]


def test_in_a_shared_chat_it_is_the_speaker_who_is_blocked(demo: Setup) -> None:
    from dataclasses import replace

    accept(demo, replace(said("hello", chat="group"), sender_id="ada"))
    mallory = replace(said("hello", chat="group"), sender_id="mallory")
    accept(demo, mallory)
    blocking.block(Person.objects.get(chat_users__external_id="mallory").pk)
    Person.objects.update(blocked_told_at=Now())
    assert accept(demo, replace(mallory, event_id="1")).turn_id is None
    assert accept(demo, replace(said("hello", chat="group"), sender_id="ada")).turn_id is not None


async def test_in_the_web_chat_the_sentence_is_read(demo: Setup) -> None:
    async with clients() as client:
        ada = await client().hello()
        await ada.ask("hello")
        await in_thread(lambda: blocking.block(Person.objects.get().pk))
        assert (await ada.ask("hello?")).startswith("I may not answer you here.")
