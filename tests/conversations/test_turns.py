"""The durable turn: accepted once, answered once, in order, by whoever holds the lease."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from bots import threads
from bots.threads import in_thread
from channels_integrations.setup import Setup
from conversations import events, turn_requests, turns, undisturbed
from conversations.accept import Ended, accept, end
from conversations.models import Conversation, Message, ModelCall, ToolCall, Turn
from conversations.pipeline import answer
from conversations.runner import Runner
from tests.conversations.conftest import said, until, until_stored

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]


def transcript() -> list[tuple[int, str, str]]:
    return list(Message.objects.order_by("seq").values_list("seq", "role", "text"))


async def test_a_message_is_answered_and_the_ledger_says_how(demo: Setup) -> None:
    accepted = await in_thread(accept, demo, said("hello"))
    reply = await answer(accepted.conversation_id)
    assert reply is not None and "demo model" in reply.message.text
    turn = await in_thread(Turn.objects.get)
    call = await in_thread(ModelCall.objects.get)
    assert (turn.state, turn.attempts) == ("done", 1)
    assert (call.model_name, call.level, call.finish_reason, call.error) == ("demo/demo", "default", "stop", "")
    assert call.input_tokens and call.output_tokens and call.cost_nanodollars is None  # no price: unknown, not zero
    assert [row[:2] for row in await in_thread(transcript)] == [(1, "user"), (2, "assistant")]


async def test_a_repeated_event_is_answered_like_the_first_and_ignored(demo: Setup) -> None:
    first = await in_thread(accept, demo, said("hello", event="e1"))
    second = await in_thread(accept, demo, said("hello", event="e1"))
    assert (second.message_id, second.turn_id, second.repeated) == (first.message_id, first.turn_id, True)
    assert await in_thread(Message.objects.count) == 1
    assert (await in_thread(Conversation.objects.get)).next_seq == 2


def test_a_race_for_a_new_chat_makes_one_conversation_without_holes(demo: Setup) -> None:
    with ThreadPoolExecutor(8) as pool:

        def one(number: int) -> None:
            try:
                accept(demo, said(f"m{number}"))
            finally:
                connection.close()

        list(pool.map(one, range(16)))
    assert Conversation.objects.count() == 1
    assert [seq for seq, *_ in transcript()] == list(range(1, 17))


async def test_one_process_at_a_time_and_the_oldest_first(demo: Setup) -> None:
    first = await in_thread(accept, demo, said("my name is Ada"))
    await in_thread(accept, demo, said("what is my name?"))
    replies = await asyncio.gather(answer(first.conversation_id), answer(first.conversation_id))
    assert sum(reply is not None for reply in replies) == 1
    again = await answer(first.conversation_id)
    assert again is not None and not again.more and "Ada" in again.message.text
    assert [role for _, role, _ in await in_thread(transcript)] == ["user", "user", "assistant", "assistant"]


async def test_a_holder_that_slept_through_its_lease_changes_nothing(demo: Setup) -> None:
    accepted = await in_thread(accept, demo, said("hello"))
    held = await in_thread(turns.claim, accepted.conversation_id, length=100)
    assert held is not None
    expired = Conversation.objects.update
    await in_thread(lambda: expired(lease_until=Now() - timedelta(seconds=1)))
    assert await answer(accepted.conversation_id) is not None
    late = turns.Outcome(state=Turn.State.DONE, text="too late")
    assert await in_thread(turns.close, held, late) is None
    assert "too late" not in [text for *_, text in await in_thread(transcript)]


async def test_killed_between_claim_and_close_the_sweeper_answers_once(demo: Setup) -> None:
    accepted = await in_thread(accept, demo, said("hello"))
    assert await in_thread(turns.claim, accepted.conversation_id, length=100)  # and the process is gone
    assert await in_thread(turns.unattended) == []  # its lease lives
    await in_thread(lambda: Conversation.objects.update(lease_until=Now() - timedelta(seconds=1)))
    runner = Runner()
    await runner.start()
    for _ in range(100):
        await asyncio.sleep(0.05)
        if await in_thread(Turn.objects.filter(state="done").exists):
            break
    await runner.drain(5)
    assert [role for _, role, _ in await in_thread(transcript)] == ["user", "assistant"]
    assert (await in_thread(Turn.objects.get)).attempts == 2


async def test_a_message_that_ends_its_process_each_time_is_given_up(demo: Setup) -> None:
    accepted = await in_thread(accept, demo, said("hello"))
    await in_thread(lambda: Turn.objects.update(attempts=3))
    reply = await answer(accepted.conversation_id)
    assert reply is not None and "could not process" in reply.message.text
    assert (await in_thread(Turn.objects.get)).state == "dead"
    assert not await in_thread(ModelCall.objects.exists)


async def test_a_tool_is_called_and_journaled(demo: Setup) -> None:
    accepted = await in_thread(accept, demo, said("what is 12 * (3 + 4)?"))
    reply = await answer(accepted.conversation_id)
    assert reply is not None and "84" in reply.message.text
    tool = await in_thread(ToolCall.objects.get)
    assert (tool.name, tool.state, tool.result) == ("calculate", "done", "84")
    assert await in_thread(ModelCall.objects.count) == 2


async def test_a_stop_ends_the_answer_with_what_was_said(demo: Setup) -> None:
    accepted = await in_thread(accept, demo, said("show me Markdown"))
    runner = Runner()
    await runner.start()
    runner.ring(accepted.conversation_id)
    await until(lambda: any(running.draft.text for running in runner.running.values()))
    assert await in_thread(turn_requests.request_stop, accepted.conversation_id) == [accepted.turn_id]
    for _ in range(40):
        await asyncio.sleep(0.05)
        if await in_thread(Turn.objects.filter(state="stopped").exists):
            break
    await runner.drain(5)
    text = (await in_thread(Message.objects.get, role="assistant")).text
    assert text and "That was all" not in text
    assert accepted.turn_id is not None
    assert await in_thread(turn_requests.queue_again, accepted.conversation_id, accepted.turn_id)


async def test_what_was_stopped_before_its_turn_came_is_asked_of_no_model(demo: Setup) -> None:
    """And `/stop` itself, which waits behind it, is obeyed."""
    first = await in_thread(accept, demo, said("show me Markdown"))
    runner = Runner()
    await runner.follow_up(await runner.accept(accept, demo, said("/stop"), claim=True), "/stop")
    await until(lambda: not runner._tasks)
    await runner.drain(5)
    assert [text for *_, text in await in_thread(transcript)] == ["show me Markdown", "/stop", "(stopped)", "Stopped."]
    turn = await in_thread(Turn.objects.get, pk=first.turn_id)
    assert (turn.state, turn.reason) == ("stopped", "stopped before a model answered")
    assert not await in_thread(ModelCall.objects.exists)


async def test_so_is_what_a_platform_s_stop_finds_waiting(demo: Setup) -> None:
    first = await in_thread(accept, demo, said("show me Markdown"))
    stop = await in_thread(events.take, demo, said("/stop"))
    assert stop is not None and stop.conversation_id == first.conversation_id
    replies = [await answer(first.conversation_id) for _ in range(2)]
    assert [reply and reply.message.text for reply in replies] == ["(stopped)", "Stopped."]
    assert not await in_thread(ModelCall.objects.exists)


async def test_a_drained_process_hands_its_turn_back(demo: Setup) -> None:
    accepted = await in_thread(accept, demo, said("show me Markdown"))
    runner = Runner()
    runner.ring(accepted.conversation_id)
    await until(lambda: bool(runner.running))
    await runner.drain(0.05)
    turn = await in_thread(Turn.objects.get)
    assert (turn.state, turn.attempts) == ("queued", 0)
    assert (await in_thread(Conversation.objects.get)).lease_until is None


async def test_while_a_person_owns_the_conversation_the_bot_is_silent(demo: Setup) -> None:
    accepted = await in_thread(accept, demo, said("hello"))
    await in_thread(lambda: Conversation.objects.update(owner="human"))
    assert await answer(accepted.conversation_id) is None
    later = await in_thread(accept, demo, said("anybody there?"))
    assert later.turn_id is None and later.seq == 2


async def test_silence_longer_than_the_flag_starts_a_new_conversation(demo: Setup) -> None:
    first = await in_thread(accept, demo, said("hello"))
    await in_thread(lambda: Conversation.objects.update(last_activity=Now() - timedelta(hours=25)))
    second = await in_thread(accept, demo, said("hello again"))
    assert second.conversation_id != first.conversation_id and second.seq == 1


async def test_commands_are_answered_outside_the_models_context(demo: Setup) -> None:
    accepted = await in_thread(accept, demo, said("/model demo/brief"))
    reply = await answer(accepted.conversation_id)
    assert reply is not None and "demo/brief" in reply.message.text
    await in_thread(accept, demo, said("hello"))
    await answer(accepted.conversation_id)
    call = await in_thread(ModelCall.objects.get)
    assert (call.model_name, call.level) == ("demo/brief", "conversation")
    status = await in_thread(accept, demo, said("/status"))
    told = await answer(status.conversation_id)
    assert told is not None and "conversation" in told.message.text
    await in_thread(accept, demo, said("/reset"))
    await answer(accepted.conversation_id)
    assert (await in_thread(accept, demo, said("hi"))).conversation_id != accepted.conversation_id


def test_a_turn_takes_twelve_statements_in_two_transactions_step_by_step(
    demo: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The promise is 13. So it goes where it is not that simple: stored and claimed in one, closed in another."""

    async def warm() -> None:
        for text in ("hello", "hello"):
            await answer((await in_thread(accept, demo, said(text))).conversation_id)

    asyncio.run(warm())
    monkeypatch.setattr(undisturbed, "accept", lambda *_: None)
    statements: list[str] = []

    def counted(text: str) -> None:
        with CaptureQueriesContext(connection) as queries:
            held = accept(demo, said(text), claim=True).claim
            assert held is not None
            row = ModelCall(turn=held.turn, model_name="m", level="bot", attempt=1, round=1, latency_ms=1)
            turns.close(held, turns.Outcome(state=Turn.State.DONE, text="yes", calls=(row,)))
        statements.extend(query["sql"] for query in queries)

    counted("hello")
    work = [sql for sql in statements if sql.split()[0] not in {"BEGIN", "COMMIT"}]
    assert len(work) <= 12, "\n".join(work)
    assert statements.count("COMMIT") == 2
    threads.shutdown()


async def test_a_message_whose_door_was_cut_off_is_answered_all_the_same(demo: Setup) -> None:
    runner = Runner()
    door = asyncio.create_task(runner.accept(accept, demo, said("hello"), claim=True))
    await asyncio.sleep(0)
    door.cancel()  # the client went away
    await until(lambda: bool(runner._begun or runner.running))
    assert (await in_thread(Turn.objects.get)).state == "running"
    await until_stored(Turn.objects.filter(state="done").exists)
    await runner.drain(5)


async def test_what_is_accepted_while_draining_is_handed_back(demo: Setup) -> None:
    runner = Runner()
    await runner.drain(1)
    accepted = await runner.accept(accept, demo, said("hello"), claim=True)
    await until_stored(Conversation.objects.filter(lease_until=None).exists)
    turn = await in_thread(Turn.objects.get)
    assert (turn.pk, turn.state, turn.attempts) == (accepted.turn_id, "queued", 0)


async def test_a_free_conversation_is_claimed_with_its_message_a_busy_one_is_not(demo: Setup) -> None:
    first = await in_thread(accept, demo, said("my name is Ada"), claim=True)
    second = await in_thread(accept, demo, said("what is my name?"), claim=True)
    assert first.claim is not None and second.claim is None
    await in_thread(turns.hand_back, first.claim)
    third = await in_thread(accept, demo, said("hello"), claim=True)  # free, and yet the first comes first
    assert third.claim is None
    for _ in range(3):
        assert await answer(first.conversation_id)
    reply = await in_thread(Message.objects.get, seq=5)
    assert "Ada" in reply.text and not await in_thread(Turn.objects.exclude(state="done").exists)


async def test_a_turn_that_was_closed_meanwhile_is_not_handed_back(demo: Setup) -> None:
    accepted = await in_thread(accept, demo, said("hello"), claim=True)
    assert accepted.claim is not None
    await in_thread(turns.close, accepted.claim, turns.Outcome(state=Turn.State.DONE, text="hi"))
    await in_thread(turns.hand_back, accepted.claim)
    assert (await in_thread(Turn.objects.get)).state == "done"
    assert (await in_thread(Conversation.objects.get)).lease_until is None


async def test_a_repeat_after_the_end_is_answered_like_the_first(demo: Setup) -> None:
    first = await in_thread(accept, demo, said("hello", event="e1"))
    await in_thread(end, first.conversation_id)
    again = await in_thread(accept, demo, said("hello", event="e1"), conversation_id=first.conversation_id)
    assert (again.repeated, again.message_id) == (True, first.message_id)
    with pytest.raises(Ended):
        await in_thread(accept, demo, said("hello", event="e2"), conversation_id=first.conversation_id)
