"""Raw events are read in the order they came, whoever reads them and however often."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.models.functions import Now

from channels_integrations.models import RawEvent
from channels_integrations.setup import Setup
from conversations import events
from conversations.models import Message, Turn

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]


def store(hook: Setup, number: int, chat: str = "c") -> bool:
    body = {"id": str(number), "chat_id": chat, "sender_id": "p", "text": f"m{number}"}
    return events.store(hook.channel_id, json.dumps(body).encode())


def texts() -> list[str]:
    return list(Message.objects.order_by("seq").values_list("text", flat=True))


def test_a_repeat_waits_as_long_as_the_first_was_not_read(hook: Setup) -> None:
    assert store(hook, 1) and store(hook, 1)
    assert events.read(hook.channel_id)
    assert not store(hook, 1)
    assert RawEvent.objects.count() == 1


def test_only_the_first_message_of_a_conversation_is_claimed_at_once(hook: Setup) -> None:
    for number in range(3):
        store(hook, number)
    store(hook, 9, "other")
    found = events.read(hook.channel_id)
    assert found is not None and len(found.claims) == 2 and all(found.claims.values())
    assert sorted(Turn.objects.values_list("state", flat=True)) == ["queued", "queued", "running", "running"]
    assert events.read(hook.channel_id) is None


def test_eight_readers_keep_the_order(hook: Setup) -> None:
    for number in range(120):
        store(hook, number)

    def one(_: int) -> None:
        try:
            while events.read(hook.channel_id) is not None:
                pass
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(8)))
    RawEvent.objects.filter(state="new").update(run_after=Now())
    one(0)
    assert texts() == [f"m{number}" for number in range(120)]
    assert set(RawEvent.objects.values_list("state", "attempts")) == {("done", 1)}


def test_behind_one_that_is_being_read_others_wait_and_after_crashes_the_lots_get_smaller(hook: Setup) -> None:
    for number in range(12):
        store(hook, number)
    for expected in (12, 10, 1):  # and each time the process is gone
        assert len(events._take(hook.channel_id)) == expected
        assert events.read(hook.channel_id) is None
        RawEvent.objects.update(run_after=Now() - timedelta(seconds=1))
    store(hook, 12)
    for count in (*range(1, 11), 13):
        assert events.read(hook.channel_id)
        assert len(texts()) == count
    assert texts() == [f"m{number}" for number in range(13)]


def test_one_that_ends_its_process_each_time_is_put_aside(hook: Setup) -> None:
    store(hook, 1)
    store(hook, 2)
    RawEvent.objects.filter(pk=RawEvent.objects.earliest("received_at", "pk").pk).update(attempts=5)
    while events.read(hook.channel_id) is not None:
        pass
    assert texts() == ["m2"]
    assert RawEvent.objects.get(state="dead").reason == events.WORN_OUT


def test_a_database_that_goes_away_meanwhile_is_no_fault_of_the_event(
    hook: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(hook, 1)

    def away(*_: Any) -> Any:
        raise OperationalError

    for name in ("adapter_of", "take"):  # before it is parsed, and when it is stored
        with monkeypatch.context() as patch:
            patch.setattr(events, name, away)
            with pytest.raises(OperationalError):
                events.read(hook.channel_id)
        assert RawEvent.objects.get().state == "new"
        RawEvent.objects.update(run_after=Now())
    assert events.read(hook.channel_id)
    assert texts() == ["m1"]


def test_a_fault_of_ours_costs_its_event_and_not_those_behind(hook: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        store(hook, number)
    take = events.take

    def faulty(setup: Setup, event: Any) -> Any:
        if event.text == "m1":
            raise RuntimeError
        return take(setup, event)

    monkeypatch.setattr(events, "take", faulty)
    assert events.read(hook.channel_id)
    assert texts() == ["m0", "m2"]
    assert "RuntimeError" in RawEvent.objects.get(state="dead").reason
