"""A turn in two statements leaves the rows that it would leave step by step, and is left to the steps where it must."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection, models
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from bots.remember import forget
from bots.threads import in_thread
from channels_integrations.base import IncomingMessage
from channels_integrations.models import FeatureFlag
from channels_integrations.setup import Setup, setup_of
from conversations import accept, turns, undisturbed
from conversations.models import ChatUser, Conversation, Message, ModelCall, Person, ToolCall, Turn
from conversations.pipeline import answer, prepare
from tests.conversations.conftest import said

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="elsewhere every turn goes step by step"),
]
LEDGER: tuple[type[models.Model], ...] = (Person, ChatUser, Conversation, Turn, ToolCall, Message, ModelCall)


def ask(setup: Setup, incoming: IncomingMessage) -> None:
    accepted = accept.accept(setup, incoming, claim=True)
    if accepted.claim:
        asyncio.run(answer(accepted.conversation_id, begun=prepare(accepted.claim)))


def rows() -> list[dict[str, Any]]:
    """The whole ledger; ids by the order in which they came, of times whether there are any."""
    found: list[dict[str, Any]] = []
    known: dict[uuid.UUID, str] = {}
    for model in LEDGER:
        for place, row in enumerate(model._default_manager.order_by("pk").values()):
            known[row["id"]] = f"{model.__name__} {place}"
            found.append({name: told(name, value, known) for name, value in row.items()})
    return found


def told(name: str, value: Any, known: dict[uuid.UUID, str]) -> Any:
    if isinstance(value, uuid.UUID):
        return known.get(value, value)
    if name.endswith(("_at", "_ms", "event_id", "last_activity", "run_after", "lease_until")):
        return value is not None
    return value


@pytest.fixture
def step_by_step() -> Iterator[Callable[[], None]]:
    """Called: from now on nothing is remembered, and no turn is alone."""
    patch = pytest.MonkeyPatch()

    def begin() -> None:
        patch.setattr(undisturbed, "accept", lambda *_: None)
        patch.setattr(undisturbed, "close", lambda *_: None)

    yield begin
    patch.undo()


def test_the_rows_are_the_same(demo: Setup, step_by_step: Callable[[], None]) -> None:
    texts = ["hello", "what is 6 * 7?", "my name is Ada", "what is my name?", "/status", "hello again"]

    def talk() -> list[dict[str, Any]]:
        for text in texts:
            ask(demo, replace(said(text, event=f"e:{text}"), raw={"origin": ["a", 1]}, answer_to="message-7"))
        before = rows()
        for model in reversed(LEDGER):
            model._default_manager.all().delete()
        return before

    quick = talk()
    step_by_step()
    assert talk() == quick


def test_it_is_one_statement_to_come_in_and_one_to_go_out(demo: Setup) -> None:
    ask(demo, said("hello"))
    with CaptureQueriesContext(connection) as queries:
        accepted = accept.accept(demo, said("hello"), claim=True)
        assert accepted.claim is not None
        call = ModelCall(turn=accepted.claim.turn, model_name="m", level="bot", attempt=1, round=1, latency_ms=1)
        closed = undisturbed.close(
            accepted.claim,
            turns.Outcome(state=Turn.State.DONE, text="yes", calls=(call.of(accepted.message.conversation),)),
        )
    assert closed and len(queries) == 2
    stored = Message.objects.get(pk=closed.message.pk)
    assert (stored.text, stored.created_at) == ("yes", closed.message.created_at)
    assert Message.objects.get(pk=accepted.message_id).created_at == accepted.message.created_at


def elsewhere(demo: Setup) -> None:
    """Another process stored a message that it did not claim."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(undisturbed, "accept", lambda *_: None)
        accept.accept(demo, said("said elsewhere", event="elsewhere"))


def again(demo: Setup) -> None:
    Turn.objects.update(state=Turn.State.QUEUED, finished_at=None)


def flag(demo: Setup, **flags: str) -> None:
    for name, value in flags.items():
        FeatureFlag.objects.create(workspace_id=demo.workspace_id, name=name, value=value)


DISTURBED: dict[str, Callable[[Setup], Any]] = {
    "it was ended": lambda demo: Conversation.objects.update(ended_at=Now()),
    "it lay idle": lambda demo: Conversation.objects.update(last_activity="2020-01-01T00:00Z"),
    "a person answers": lambda demo: Conversation.objects.update(owner="human"),
    "a person is waited for": lambda demo: Conversation.objects.update(owner="waiting"),
    "its writer is blocked": lambda demo: Person.objects.update(blocked_at=Now(), blocked_told_at=Now()),
    "nobody was there": lambda demo: Conversation.objects.update(unreachable_at=Now()),
    "another process holds it": lambda demo: Conversation.objects.update(lease_until="2099-01-01T00:00Z"),
    "a holder died": lambda demo: Conversation.objects.update(lease_until="2020-01-01T00:00Z"),
    "something else came in": elsewhere,
    "an answer is asked for again": again,
    "quick messages are one turn": lambda demo: flag(demo, merge_window="2"),
    "the channel was switched off": lambda demo: demo,
}


@pytest.mark.parametrize("case", DISTURBED)
def test_what_disturbs_is_seen(demo: Setup, case: str, step_by_step: Callable[[], None]) -> None:
    def talk() -> tuple[list[dict[str, Any]], bool]:
        ask(demo, said("hello", event="first"))
        DISTURBED[case](demo)
        forget()
        setup = replace(setup_of(demo.channel_id), paused=case == "the channel was switched off")
        accepted = accept.accept(setup, said("and now?", event="second"), claim=True)
        found = rows(), accepted.claim is not None
        for model in reversed(LEDGER):
            model._default_manager.all().delete()
        FeatureFlag.objects.all().delete()
        forget()
        return found

    quick = talk()
    step_by_step()
    assert talk() == quick


def test_a_conversation_without_a_title_is_given_one(demo: Setup) -> None:
    accept.start(demo, chat_id="visitor-1", sender_id="visitor-1")
    with CaptureQueriesContext(connection) as queries:
        accepted = accept.accept(demo, said("where  is\nmy parcel?"), claim=True)
    assert accepted.claim is not None and len(queries) == 2  # one to find it
    assert accepted.message.conversation.title == Conversation.objects.get().title == "where is my parcel?"


def test_what_comes_twice_is_known(demo: Setup) -> None:
    ask(demo, said("hello"))
    first = accept.accept(demo, said("one", event="twice"), claim=True)
    assert first.claim is not None
    turns.close(first.claim, turns.Outcome(state=Turn.State.DONE, text="yes"))
    undisturbed.remember(first.message.conversation, first.seq + 2)
    second = accept.accept(demo, said("one", event="twice"), claim=True)
    assert second.repeated and second.message_id == first.message_id and second.claim is None
    assert Message.objects.filter(role="user").count() == 2


def test_an_album_and_what_is_not_read_go_step_by_step(demo: Setup) -> None:
    ask(demo, said("hello"))
    assert undisturbed.accept(demo, replace(said("x"), raw={"album": "1"})) is None
    ask(demo, said("hello"))
    assert undisturbed.accept(demo, replace(said("x"), raw={"refused": "media"})) is None


async def test_a_holder_that_lost_its_lease_or_was_written_to_closes_nothing(demo: Setup) -> None:
    held = (await in_thread(accept.accept, demo, said("hello"), claim=True)).claim
    assert held is not None
    call = ModelCall(turn=held.turn, model_name="m", level="bot", attempt=1, round=1, latency_ms=1)
    outcome = turns.Outcome(state=Turn.State.DONE, text="yes", calls=(call.of(held.conversation),))
    ways: list[dict[str, Any]] = [{"lease_token": held.token + 1}, {"lease_token": held.token, "lease_until": None}]
    for lost in ways:
        await in_thread(Conversation.objects.update, **lost)
        assert await in_thread(undisturbed.close, held, outcome) is None
    await in_thread(lambda: Conversation.objects.update(lease_until="2099-01-01T00:00Z"))
    await in_thread(accept.accept, demo, said("and another"))
    assert await in_thread(undisturbed.close, held, outcome) is None
    assert await in_thread(Message.objects.filter(role="assistant").count) == 0
    assert await in_thread(ModelCall.objects.count) == 0


def test_a_hundred_at_once_in_one_chat_come_in_in_order(demo: Setup) -> None:
    """However often two ask for the same place, one of them gets it."""
    ask(demo, said("hello"))

    async def all_of_them() -> list[accept.Accepted]:
        return await asyncio.gather(
            *(in_thread(accept.accept, demo, said(str(number)), claim=True) for number in range(100))
        )

    accepted = asyncio.run(all_of_them())
    assert sorted(each.seq for each in accepted) == list(range(3, 103))
    assert sum(each.claim is not None for each in accepted) == 1
