"""A channel that staff have switched off for a while: every door says so, nothing is lost, nothing is doubled."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone
from openai import InternalServerError, OpenAI

from bots.remember import forget
from bots.threads import in_thread
from channels_integrations.models import ChannelConfig
from channels_integrations.setup import Setup, setup_of
from conversations import delivery, events, pauses, turns
from conversations.accept import accept
from conversations.models import Conversation, Delivery, Message, ModelCall, Person, Turn
from conversations.pipeline import answer
from conversations.runner import Runner, runner
from tests.conversations.conftest import said, until
from tests.conversations.socket_client import clients, stored
from tests.conversations.test_events import store
from tests.fakes.webhook_receiver import Receiver

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]
TOLD = "We are back on Monday."
OURS = "We are taking a short break"


def switch(on: bool, message: str = TOLD, **which: Any) -> None:
    """As staff do, on all channels or these."""
    ChannelConfig.objects.filter(**which).update(paused_at=None if on else timezone.now(), pause_message=message)
    forget()


def fresh(setup: Setup) -> Setup:
    return setup_of(setup.channel_id)


def notices() -> list[str]:
    return list(Message.objects.filter(role="assistant").order_by("id").values_list("text", flat=True))


async def test_a_visitor_is_told_once_and_answered_after_the_break(demo: Setup) -> None:
    async with clients() as client:
        await in_thread(switch, False)
        one = await client().hello()
        assert one.ready["paused"] == TOLD
        await one.say("my name is Ada")
        notice = one.history["messages"][-1]
        assert (notice["text"], notice["role"], notice["paused"]) == (TOLD, "assistant", True)
        await one.say("hello?")
        assert await one.socket.receive_nothing(1.5)
        assert not await in_thread(Turn.objects.exists) and not await in_thread(ModelCall.objects.exists)
        await in_thread(switch, True)
        assert "Ada" in await one.ask("what is my name?")
        again = await client().hello(visitor=one.ready["visitor"])
        assert again.ready["paused"] is None
        assert [text for _, _, text in await stored()][:4] == ["my name is Ada", TOLD, "hello?", "what is my name?"]
    assert await in_thread(Turn.objects.count) == 1
    assert [seq for seq, _, _ in await stored()] == [1, 2, 3, 4, 5]


async def test_a_socket_that_was_open_before_hears_it_too(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.ask("hello")
        assert one.ready["paused"] is None
        await in_thread(switch, False, "")
        assert (await one.ask("hello")).startswith(OURS)


async def test_a_page_that_is_open_hears_of_a_break_by_itself(demo: Setup) -> None:
    """Also one that has said nothing yet; not of every other change."""
    async with clients() as client:
        one = await client().hello(language="de")
        await runner.hub.poll()
        await in_thread(switch, False, "")
        await runner.hub.poll()
        told = await one.until("paused")
        assert told["text"] and not told["text"].startswith(OURS)
        await in_thread(switch, False)
        await runner.hub.poll()
        assert (await one.until("paused"))["text"] == TOLD
        await in_thread(ChannelConfig.objects.update, name="Renamed")
        await in_thread(forget)
        await runner.hub.poll()
        assert await one.socket.receive_nothing(0.3)
        await in_thread(switch, True)
        await runner.hub.poll()
        assert (await one.until("paused"))["text"] is None
    assert not runner.hub._listeners


def test_the_sentence_of_ours_is_in_the_persons_language(demo: Setup) -> None:
    first = accept(demo, said("hallo"))
    Person.objects.update(language="de")
    Turn.objects.update(state="done")
    switch(False, "")
    accept(fresh(demo), said("noch da?"))
    told = Message.objects.get(role="assistant", conversation=first.conversation_id).text
    assert told and not told.startswith(OURS)


async def test_a_platform_is_sent_one_notice_and_nothing_after_the_break(hook: Setup, receiver: Receiver) -> None:
    await in_thread(switch, False)
    for number in range(30):
        await in_thread(store, hook, number)
    while await in_thread(events.read, hook.channel_id) is not None:
        pass
    here = await in_thread(Conversation.objects.get)
    assert await delivery.deliver(here.pk) is None
    assert [call.body["text"] for call in receiver.calls] == [TOLD]
    await in_thread(switch, True)
    assert await answer(here.pk) is None
    assert not await in_thread(Delivery.objects.exclude(state="sent").exists)
    assert await in_thread(Message.objects.filter(role="user").count) == 30
    assert not await in_thread(ModelCall.objects.exists)


@pytest.mark.parametrize(("minutes", "told"), [(59, 1), (61, 2)])
def test_a_person_is_told_again_after_an_hour(demo: Setup, minutes: int, told: int) -> None:
    switch(False)
    accept(fresh(demo), said("one"))
    hour = int(timezone.now().timestamp()) // 3600
    notice = Message.objects.get(role="assistant")
    assert notice.event_id is not None and notice.event_id.startswith("paused:")
    name = f"{notice.event_id.rpartition(':')[0]}:{hour - 1}"
    Message.objects.filter(pk=notice.pk).update(created_at=Now() - timedelta(minutes=minutes), event_id=name)
    accept(fresh(demo), said("two"))
    Conversation.objects.update(ended_at=Now())
    accept(fresh(demo), said("in another conversation"))
    assert notices() == [TOLD] * told


def test_two_bots_that_answer_each_other_stop_at_once(demo: Setup) -> None:
    switch(False)
    for number in range(50):
        accept(fresh(demo), said(f"You said: {TOLD} {number}"))
    assert len(notices()) == 1


def test_who_is_answered_by_a_person_is_not_told(demo: Setup) -> None:
    accept(demo, said("hello"))
    Conversation.objects.update(owner="human")
    switch(False)
    accepted = accept(fresh(demo), said("still there?"))
    assert not accepted.paused and notices() == []


async def test_what_is_being_answered_is_stopped_and_what_waits_is_told_of(demo: Setup) -> None:
    runner = Runner()
    await runner.start()
    first = await in_thread(accept, demo, said("show me Markdown"))
    await in_thread(accept, demo, said("and then?"))
    await in_thread(accept, demo, said("and then??"))
    runner.ring(first.conversation_id)
    await until(lambda: any(running.draft.text for running in runner.running.values()))
    await in_thread(switch, False)
    async with asyncio.timeout(10):
        while await in_thread(Turn.objects.filter(finished_at=None).exists):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await runner.drain(5)
    assert set(await in_thread(lambda: list(Turn.objects.values_list("state", flat=True)))) == {"stopped"}
    texts = await in_thread(notices)
    assert len(texts) == 2 and "That was all" not in texts[0] and texts[1] == TOLD


async def test_a_turn_claimed_a_moment_before_the_break_is_not_asked_of_a_model(demo: Setup) -> None:
    runner = Runner()
    accepted = await in_thread(lambda: accept(demo, said("hello"), claim=True))
    await in_thread(switch, False)
    runner._hold(accepted.claim)
    runner.ring(accepted.conversation_id)
    await until(lambda: not runner._tasks)
    assert await in_thread(notices) == [TOLD]
    assert not runner._begun and not await in_thread(ModelCall.objects.exists)


def test_a_holder_that_slept_through_the_break_changes_nothing(demo: Setup) -> None:
    accepted = accept(demo, said("hello"))
    held = turns.claim(accepted.conversation_id, length=100)
    assert held is not None
    Conversation.objects.update(lease_until=Now() - timedelta(seconds=1))
    switch(False)
    pauses.settle(fresh(demo), accepted.conversation_id)
    assert turns.close(held, turns.Outcome(state=Turn.State.DONE, text="late")) is None
    assert notices() == [TOLD]


def test_who_has_not_heard_of_the_end_of_a_break_ends_nothing(demo: Setup) -> None:
    switch(False)
    old = fresh(demo)
    switch(True)
    accepted = accept(fresh(demo), said("hello"))
    pauses.settle(old, accepted.conversation_id)
    assert Turn.objects.get().state == "queued" and notices() == []


def test_a_break_leaves_alone_what_another_process_holds(demo: Setup) -> None:
    accepted = accept(demo, said("hello"))
    assert turns.claim(accepted.conversation_id, length=100) is not None
    switch(False)
    pauses.settle(fresh(demo), accepted.conversation_id)
    assert Turn.objects.get().state == "running"


def test_a_program_gets_503_and_its_answer_when_it_asks_again(address: str, key: str) -> None:
    with httpx2.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=20) as http:
        session = {"platform": "api", "user_id": "u1"}
        body = {"message": "my name is Ada", "session": session, "bot": "demo"}
        http.post("/api/v1/chat/", json=body)
        switch(False, kind="api")
        asked: dict[str, Any] = {"json": {**body, "message": "what is my name?"}, "headers": {"Idempotency-Key": "k"}}
        for _ in range(2):
            refused = http.post("/api/v1/chat/", **asked)
            told = refused.json()
            assert (refused.status_code, told["code"], told["detail"]) == (503, "channel_paused", TOLD)
            assert refused.headers["retry-after"] == "60"
            assert refused.headers["content-type"].startswith("application/problem+json")
        streamed = http.post("/api/v1/chat/", json=body, headers={"Accept": "text/event-stream"})
        assert streamed.status_code == 503 and TOLD in streamed.text
        switch(True)
        assert "Ada" in http.post("/api/v1/chat/", **asked).json()["reply"]
        assert http.post("/api/v1/chat/", **asked).json()["message_id"]
    assert Message.objects.filter(text="what is my name?").count() == 1
    assert Turn.objects.count() == 2
    assert notices().count(TOLD) == 1


def test_an_openai_client_is_told_and_does_not_try_again(address: str, key: str) -> None:
    with OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=2) as client:
        client.chat.completions.create(model="demo", messages=[{"role": "user", "content": "hello"}])
        switch(False)
        for stream in (False, True):
            with pytest.raises(InternalServerError) as refused:
                client.chat.completions.create(
                    model="demo", messages=[{"role": "user", "content": "again"}], stream=stream
                )
            assert refused.value.status_code == 503 and TOLD in str(refused.value)
            assert refused.value.response.headers["retry-after"] == "60"
    assert Message.objects.filter(text="again").count() == 2  # kept, each in its conversation
    assert ModelCall.objects.count() == 1


def test_the_page_stays_open(address: str) -> None:
    switch(False)
    assert httpx2.get(f"{address}/chat/demo/").status_code == 200


def test_numbers_have_no_holes(demo: Setup) -> None:
    switch(False)
    for number in range(3):
        accept(fresh(demo), said(str(number)))
    here = Conversation.objects.annotate(last=F("next_seq")).get()
    assert list(here.messages.order_by("seq").values_list("seq", flat=True)) == [1, 2, 3, 4]
    assert here.next_seq == 5
