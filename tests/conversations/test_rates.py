"""Too many messages: told on every door, with the time to wait; other people's are not held back."""

from __future__ import annotations

import dataclasses
import time
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from django.conf import settings as installed
from django.utils import timezone
from openai import OpenAI, RateLimitError

from bots.models import ApiKey
from bots.threads import in_thread
from channels_integrations.base import Capabilities
from channels_integrations.setup import Setup
from conversations import events, open_sockets, rates
from conversations.models import Message
from conversations.pipeline import answer, prepare
from tests.conversations.conftest import said
from tests.conversations.socket_client import SECONDS, clients

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]


@pytest.fixture(autouse=True)
def counted_anew() -> None:
    rates._own.cache_clear()
    if installed.REDIS_URL:
        rates._shared(installed.REDIS_URL).storage.reset()


def test_a_person_and_an_address_have_their_own_window(demo: Setup, settings: Any) -> None:
    settings.RATE_LIMIT_PER_MINUTE = 2
    who: Any = {"channel_id": demo.channel_id, "address": "192.0.2.1"}
    assert [rates.wait_to_say(person="ada", **who) > 0 for _ in range(3)] == [False, False, True]
    assert 50 < rates.wait_to_say(person="ada", **who) <= 60
    waits = [rates.wait_to_say(person=f"p{n}", **who) for n in range(19)]
    assert [wait > 0 for wait in waits] == [False] * 18 + [True]
    assert rates.wait_to_say(person="p99", channel_id=demo.channel_id, address="192.0.2.2") == 0
    settings.RATE_LIMIT_PER_MINUTE = 0
    assert rates.wait_to_say(person="ada", **who) == 0


def test_without_redis_it_is_counted_here(demo: Setup, settings: Any) -> None:
    settings.RATE_LIMIT_PER_MINUTE, settings.REDIS_URL = 1, "redis://127.0.0.1:9/0"
    assert [rates.wait_to_say(person="ada", channel_id=demo.channel_id) > 0 for _ in range(2)] == [False, True]


def test_sends_are_held_back_by_bot_and_by_chat(demo: Setup) -> None:
    able = Capabilities(account_rate="3/minute", chat_rate="2/minute")
    waits = [rates.wait_to_send(demo.channel_id, chat, able) > 0 for chat in ("a", "a", "a", "b", "b")]
    assert waits == [False, False, True, False, True]


def test_drafts_count_for_the_bot_and_leave_it_half_of_its_calls(demo: Setup) -> None:
    able = Capabilities(account_rate="6/minute", chat_rate="1/minute")
    shown = [rates.may_draft(demo.channel_id, able) for _ in range(5)]
    assert shown == [True, True, True, False, False]
    waits = [rates.wait_to_send(demo.channel_id, f"chat {n}", able) > 0 for n in range(4)]
    assert waits == [False, False, False, True]


def test_chats_that_the_platform_counts_together_are_counted_together(demo: Setup) -> None:
    able = Capabilities(chat_rate="2/minute", counted_as="group")
    waits = [rates.wait_to_send(demo.channel_id, f"group/{topic}", able) > 0 for topic in range(3)]
    assert waits == [False, False, True]


def test_the_patience_that_was_asked_for_holds_in_all_of_them_and_nowhere_else(demo: Setup) -> None:
    able, other = (Capabilities(chat_rate="9/minute", counted_as=name) for name in ("group", "other"))
    rates.hold_back(demo.channel_id, able, 9)
    assert 8 < rates.wait_to_send(demo.channel_id, "group/1", able) <= 9
    assert not rates.may_show(demo.channel_id, "group/2", able)
    assert rates.wait_to_send(demo.channel_id, "other", other) == 0
    rates.hold_back(demo.channel_id, able, 0.05)
    time.sleep(0.06)
    assert rates.wait_to_send(demo.channel_id, "group/1", able) == 0


async def test_on_the_websocket(demo: Setup, settings: Any) -> None:
    settings.RATE_LIMIT_PER_MINUTE = 2
    async with clients() as client:
        one = await client().hello()
        for _ in range(2):
            await one.say("/status")
        await one.tell("message", id="m3", text="/status")
        error = await one.until("error")
        assert (error["code"], error["id"]) == ("rate_limited", "m3")
        assert 0 < error["retry_after"] <= 60
        other = await client().hello()
        await other.say("/status")


async def test_sockets_of_an_address_are_counted(demo: Setup, settings: Any) -> None:
    settings.SOCKETS_PER_ADDRESS = 2
    async with clients() as client:
        for _ in range(2):
            one = await client().hello()
        assert not (await client().socket.connect(SECONDS))[0]
        await one.socket.disconnect()
        await client().hello()
    assert not open_sockets.by_address


def test_over_rest_and_openai_by_key_and_person(address: str, key: str, settings: Any) -> None:
    settings.RATE_LIMIT_PER_MINUTE = 2
    body = {"bot": "demo", "message": "/status", "session": {"user_id": "ada"}}
    headers = {"Authorization": f"Bearer {key}"}
    answers = [httpx2.post(f"{address}/api/v1/chat/", json=body, headers=headers, timeout=20) for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert 0 < int(answers[2].headers["retry-after"]) <= 60
    assert answers[2].json()["code"] == "throttled"
    other = {**body, "session": {"user_id": "eve"}}
    assert httpx2.post(f"{address}/api/v1/chat/", json=other, headers=headers, timeout=20).status_code == 200
    ApiKey.objects.update(rate_limit_per_minute=1)
    with OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0) as client:
        client.chat.completions.create(model="demo", messages=[{"role": "user", "content": "1+1"}])
        with pytest.raises(RateLimitError):
            client.chat.completions.create(model="demo", messages=[{"role": "user", "content": "1+1"}])


async def test_on_a_platform_it_is_answered_with_a_sentence(demo: Setup, settings: Any) -> None:
    settings.RATE_LIMIT_PER_MINUTE = 1
    for _ in range(2):
        taken = await in_thread(events.take, demo, said("/status"))
        assert taken is not None and taken.claim is not None
        await answer(taken.conversation_id, begun=await in_thread(prepare, taken.claim))
    answers = Message.objects.filter(role="assistant").order_by("seq").values_list("text", flat=True)
    texts = await in_thread(list, answers)
    assert "faster than I may answer" in texts[1]


async def test_on_a_platform_the_sentence_comes_once_a_minute_to_each_person_in_each_chat(
    demo: Setup, settings: Any
) -> None:
    settings.RATE_LIMIT_PER_MINUTE = 1

    def written(who: str, chat: str) -> bool:
        """Whether it will be answered."""
        event = dataclasses.replace(said(f"{who} again", chat=chat), sender_id=who)
        taken = events.take(demo, event)
        assert taken is not None
        return taken.turn_id is not None

    answered = [await in_thread(written, who, "group") for who in ("ada", "ada", "ada", "eve", "eve", "eve")]
    assert answered == [True, True, False, True, True, False]
    assert [await in_thread(written, "ada", "alone") for _ in range(2)] == [True, False]
    unread = Message.objects.filter(role="user", turn=None)
    assert await in_thread(unread.filter(metadata__refused="too_often", in_context=False).count) == 3
    await in_thread(lambda: Message.objects.update(created_at=timezone.now() - timedelta(minutes=2)))
    assert [await in_thread(written, "ada", "group") for _ in range(2)] == [True, False]
