"""The session cache costs speed when it is gone, and nothing else."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from bots.remember import forget
from channels_integrations.models import ChannelConfig, FeatureFlag
from channels_integrations.setup import Setup, setup_of
from conversations import sessions
from conversations.accept import accept
from conversations.models import Conversation, Message
from conversations.sessions import Session
from tests.conversations.conftest import said

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]


def session() -> Session:
    return Session(chat_user_id=uuid.uuid4(), person_id=uuid.uuid4(), conversation_id=uuid.uuid4(), name="Ada")


def test_what_is_kept_is_found_until_it_is_dropped() -> None:
    channel, kept = uuid.uuid4(), session()
    assert sessions.get(channel, "c", "s") is None
    sessions.put(channel, "c", "s", kept)
    assert sessions.get(channel, "c", "s") == kept
    assert sessions.get(channel, "c", "other") is None
    assert sessions.get(uuid.uuid4(), "c", "s") is None
    sessions.drop(channel, "c", "s")
    assert sessions.get(channel, "c", "s") is None


@pytest.mark.parametrize("foreign", ["text", {"version": 1}, {"version": 2}, None, 7])
def test_a_foreign_shape_is_a_miss(foreign: Any) -> None:
    channel = uuid.uuid4()
    sessions.put(channel, "c", "s", session())
    value = {**asdict(session()), **foreign} if foreign == {"version": 2} else foreign
    cache.set(sessions._key(channel, "c", "s"), value)
    assert sessions.get(channel, "c", "s") is None


def test_a_session_lives_on_while_it_is_used(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    touched: list[int] = []
    monkeypatch.setattr(cache, "touch", lambda key, timeout: touched.append(timeout))
    settings.SESSION_TTL_SECONDS = 77
    channel = uuid.uuid4()
    sessions.put(channel, "c", "s", session())
    sessions.get(channel, "c", "s")
    assert touched == [77]


def test_a_hit_saves_statements_and_a_flushed_cache_changes_nothing_else(demo: Setup) -> None:
    first = accept(demo, said("one"))
    with CaptureQueriesContext(
        connection,
    ) as hit:
        second = accept(demo, said("two"))
    cache.clear()
    with CaptureQueriesContext(connection) as miss:
        third = accept(demo, said("three"))
    assert first.conversation_id == second.conversation_id == third.conversation_id
    assert [first.seq, second.seq, third.seq] == [1, 2, 3]
    assert len(hit) < len(miss)
    assert Message.objects.count() == 3


def age(seconds: int) -> None:
    Conversation.objects.update(last_activity=F("last_activity") - timedelta(seconds=seconds))


@pytest.mark.parametrize("cached", [True, False])
def test_a_conversation_ends_by_silence_not_by_the_cache(demo: Setup, cached: bool) -> None:
    first = accept(demo, said("one"))
    age(86_300)
    if not cached:
        cache.clear()
    assert accept(demo, said("two")).conversation_id == first.conversation_id
    age(86_500)
    if not cached:
        cache.clear()
    assert accept(demo, said("three")).conversation_id != first.conversation_id
    assert Conversation.objects.filter(ended_at=None).count() == 1


def test_the_silence_is_the_channels_own(demo: Setup) -> None:
    channel = ChannelConfig.objects.get()
    FeatureFlag.objects.create(
        workspace=channel.workspace, channel=channel, name="conversation_idle", kind="int", value="60"
    )
    forget()
    setup = setup_of(channel.pk)
    first = accept(setup, said("one"))
    age(61)
    assert accept(setup, said("two")).conversation_id != first.conversation_id


def test_a_message_that_was_not_stored_leaves_no_session(demo: Setup) -> None:
    with transaction.atomic():
        accept(demo, said("hello"))
        transaction.set_rollback(True)
    assert sessions.get(demo.channel_id, "visitor-1", "visitor-1") is None
    accept(demo, said("hello"))
    assert sessions.get(demo.channel_id, "visitor-1", "visitor-1") is not None
