"""Who waits long for a place hears so once, in their language, wherever they are; and the answer still comes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bots.models import AIProvider
from bots.remember import forget
from bots.threads import in_thread
from channels_integrations.models import ChannelConfig
from channels_integrations.setup import Setup
from conversations import busy
from conversations.accept import accept, accept_transcript
from conversations.api import waiting
from conversations.capacity import TURNS
from conversations.models import Conversation, Message, Person, Turn
from conversations.runner import Runner, runner
from tests.conversations.conftest import said, until, until_stored
from tests.conversations.socket_client import clients
from tests.conversations.test_events import store
from tests.fakes.webhook_receiver import Receiver

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]
GERMAN = "Gerade schreiben mir viele Menschen."
LATE = 0.3


@pytest.fixture(autouse=True)
def impatient(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One place, and people who are told after a moment, when a test says so."""
    settings.BUSY_SECONDS = LATE
    settings.SWEEP_SECONDS = 60
    monkeypatch.setattr(TURNS, "total", 1)


def told() -> list[str]:
    return list(Message.objects.filter(metadata__busy=True).order_by("pk").values_list("text", flat=True))


async def test_a_platform_is_sent_one_notice_and_then_the_answer(hook: Setup, receiver: Receiver) -> None:
    mine = Runner()
    async with TURNS.taken_by("somebody else"):
        await in_thread(store, hook, 1)
        mine.ring_channel(hook.channel_id)
        await until(lambda: TURNS.waiting == 1)
        await in_thread(lambda: Person.objects.update(language="de"))
        await mine._tell_busy()
        assert not await in_thread(told)  # it has not waited long
        await asyncio.sleep(LATE)
        for _ in range(2):
            await mine._tell_busy()
        await until(lambda: len(receiver.calls) == 1)
        assert receiver.calls[0].body["text"].startswith(GERMAN)
        assert len(await in_thread(told)) == 1
    await until(lambda: len(receiver.calls) == 2)
    await mine.drain(5)
    assert not receiver.calls[1].body["text"].startswith(GERMAN)
    notice = await in_thread(Message.objects.get, metadata__busy=True)
    assert (notice.turn_id, notice.in_context, notice.role) == (None, False, "assistant")
    here = await in_thread(Conversation.objects.get)
    assert here.next_seq == 4


async def test_a_page_shows_it_and_the_answer_after_it(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello(language="de")
        await runner.start()
        async with TURNS.taken_by("somebody else"):
            await one.say("my name is Ada")
            await asyncio.sleep(LATE)
            await runner._tell_busy()
            await runner.hub.poll()
            notice = await one.until("message", role="assistant")
            assert notice["text"].startswith(GERMAN) and notice["turn"] is None
        answer = await one.until("message", role="assistant")
        assert "Ada" in answer["text"] and answer["turn"] and answer["seq"] == 3
        assert "Ada" in await one.ask("what is my name?")  # no model was shown the notice


async def test_a_program_that_waits_does_not_take_it_for_its_answer(demo: Setup) -> None:
    await runner.start()
    async with TURNS.taken_by("somebody else"):
        accepted = await runner.accept(accept, demo, said("my name is Ada"), claim=True)
        asked = asyncio.create_task(waiting.answered(accepted, "my name is Ada"))
        await asyncio.sleep(LATE)
        await runner._tell_busy()
        await runner.hub.poll()
        assert len(await in_thread(told)) == 1 and not asked.done()
    answered = await asked
    assert answered is not None and "Ada" in answered.message.text
    await runner.drain(5)


async def test_who_waits_for_a_place_at_the_model_hears_it_too(demo: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    """The turn is claimed, and nobody else may answer it; the notice takes its place before the answer all the same."""
    monkeypatch.setattr(TURNS, "total", 10)
    await in_thread(lambda: AIProvider.objects.update(max_concurrency=1))
    forget()
    mine = Runner()
    first = await in_thread(accept, demo, said("show me Markdown", chat="first"))
    mine.ring(first.conversation_id, demo.channel_id)
    await until(lambda: any(running.draft.text for running in mine.running.values()))
    second = await mine.accept(accept, demo, said("hello", chat="second"), claim=True)
    await mine.follow_up(second, "hello")
    await until(lambda: len(mine.running) == 2)
    await asyncio.sleep(LATE)
    for _ in range(2):
        await mine._tell_busy()
    assert len(await in_thread(told)) == 1
    await until(lambda: not mine.running)
    await mine.drain(5)
    rows = Message.objects.filter(conversation=second.conversation_id).order_by("seq")
    assert await in_thread(lambda: [row.metadata.get("busy", False) for row in rows]) == [False, True, False]
    others = Message.objects.filter(conversation=first.conversation_id, metadata__busy=True)
    assert not await in_thread(others.exists)  # it was being answered
    assert await in_thread(lambda: set(Turn.objects.values_list("state", "attempts"))) == {("done", 1)}


def test_nobody_is_told_who_waits_for_something_else(demo: Setup) -> None:
    accept_transcript(demo, said("a program's call", chat="call"), [])
    held = accept(demo, said("is being answered", chat="held"), claim=True)
    assert held.claim is not None
    human = accept(demo, said("a person answers", chat="human"))
    Conversation.objects.filter(pk=human.conversation_id).update(owner="human")
    late = accept(demo, said("hello", chat="late"))
    merging = accept(demo, said("and", chat="merging"))
    Turn.objects.update(run_after="2020-01-01T00:00Z")
    Turn.objects.filter(conversation=merging.conversation_id).update(run_after="2999-01-01T00:00Z")
    assert busy.tell([]) == [late.conversation_id]
    ChannelConfig.objects.update(paused_at="2020-01-01T00:00Z")
    Message.objects.filter(metadata__busy=True).delete()
    assert busy.tell([]) == []


def test_who_writes_twice_hears_it_once_and_who_writes_later_hears_it_again(demo: Setup) -> None:
    here = accept(demo, said("hello"))
    accept(demo, said("are you there?"))
    Turn.objects.update(run_after="2020-01-01T00:00Z")
    assert busy.tell([]) == [here.conversation_id] and busy.tell([]) == []
    Turn.objects.update(state="done")
    accept(demo, said("and now?"))
    Turn.objects.filter(state="queued").update(run_after="2020-01-01T00:00Z")
    assert busy.tell([]) == [here.conversation_id]


async def test_where_there_is_a_place_nobody_is_told(demo: Setup) -> None:
    mine = Runner()
    await in_thread(accept, demo, said("hello"))
    await in_thread(lambda: Turn.objects.update(run_after="2020-01-01T00:00Z"))
    await mine._tell_busy()  # the next sweep has it answered
    assert not await in_thread(told)


async def test_a_race_of_two_processes_is_one_notice(demo: Setup) -> None:
    await in_thread(accept, demo, said("hello"))
    await in_thread(lambda: Turn.objects.update(run_after="2020-01-01T00:00Z"))
    found = await asyncio.gather(*(in_thread(busy.tell, []) for _ in range(6)))
    assert sum(len(each) for each in found) == 1
    await until_stored(lambda: len(told()) == 1)
