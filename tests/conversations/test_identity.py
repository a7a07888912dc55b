"""Visitors whom the embedding site vouches for."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from bots.remember import forget
from bots.threads import in_thread
from channels_integrations.models import ChannelConfig
from channels_integrations.setup import Setup, setup_of
from conversations.models import ChatUser, Conversation, Person
from tests.conversations.socket_client import clients

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]
KEY = "a key that only the site knows"


@pytest.fixture
def vouched(demo: Setup) -> Setup:
    row = ChannelConfig.objects.get(pk=demo.channel_id)
    row.credentials = json.dumps({"identity_key": KEY})
    row.save()
    forget()
    return setup_of(row.pk)


def who(user: str, name: str = "", key: str = KEY) -> dict[str, Any]:
    return {"user": user, "hash": hmac.new(key.encode(), user.encode(), hashlib.sha256).hexdigest(), "name": name}


async def test_a_user_is_the_same_person_on_every_device(vouched: Setup) -> None:
    async with clients() as client:
        laptop = await client().hello(identity=who("u-1", "Ada"))
        await laptop.ask("my name is Ada")
        phone = await client().hello(identity=who("u-1", "Ada L."))
        assert phone.ready["visitor"] != laptop.ready["visitor"]
        assert next(message["text"] for message in phone.history["messages"]) == "my name is Ada"
        other = await client().hello(identity=who("u-2"))
        assert other.ready["conversation"] is None
    assert await in_thread(lambda: [person.name for person in Person.objects.order_by("created_at")]) == ["Ada L.", ""]


async def test_what_was_said_before_signing_in_comes_along(vouched: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.ask("my name is Ada")
        here = one.ready["conversation"]
        again = await client().hello(visitor=one.ready["visitor"], identity=who("u-1", "Ada"))
        assert again.ready["conversation"] == here
        assert "Ada" in await again.ask("what is my name?")
        signed_out = await client().hello(visitor=one.ready["visitor"])
        assert (signed_out.ready["conversation"], signed_out.history["messages"]) == (None, [])
    people = await in_thread(lambda: list(Person.objects.values_list("name", flat=True)))
    users = await in_thread(lambda: {user.external_id: user.person.name for user in ChatUser.objects.all()})
    assert people == ["Ada"]
    assert set(users.values()) == {"Ada"}
    assert users.keys() == {"user:u-1"}


async def test_who_signs_out_leaves_nothing_behind(vouched: Setup) -> None:
    """On a shared computer: the browser's token is a stranger's again."""
    async with clients() as client:
        ada = await client().hello()
        await ada.ask("my name is Ada, I like /model")
        await client().hello(visitor=ada.ready["visitor"], identity=who("u-1", "Ada"))
        bob = await client().hello(visitor=ada.ready["visitor"])
        assert "Ada" not in await bob.ask("/history")
        await client().hello(visitor=ada.ready["visitor"], identity=who("u-2", "Bob"))
    names = await in_thread(lambda: dict(ChatUser.objects.values_list("external_id", "person__name")))
    assert names == {"user:u-1": "Ada", "user:u-2": "Bob"}
    spoke = await in_thread(lambda: set(Conversation.objects.values_list("chat_id", "chat_user__external_id")))
    assert spoke == {("user:u-1", "user:u-1"), ("user:u-2", "user:u-2")}


async def test_an_open_conversation_of_the_user_is_not_replaced_by_a_strangers(vouched: Setup) -> None:
    async with clients() as client:
        known = await client().hello(identity=who("u-1"))
        await known.ask("my name is Ada")
        stranger = await client().hello()
        await stranger.ask("hello")
        merged = await client().hello(visitor=stranger.ready["visitor"], identity=who("u-1"))
        assert merged.ready["conversation"] == known.ready["conversation"]
        await merged.tell("conversations")
        assert len((await merged.until("conversations"))["items"]) == 2
    assert await in_thread(lambda: Conversation.objects.filter(ended_at=None).count()) == 1


@pytest.mark.parametrize(
    "identity",
    [who("u-1", key="another key of the right length"), {"user": "u-1", "hash": "é\ud800"}, who("u" * 151), who("")],
)
async def test_nobody_is_believed_without_the_key(vouched: Setup, identity: dict[str, Any]) -> None:
    async with clients() as client:
        known = await client().hello(identity=who("u-1"))
        await known.ask("my name is Ada")
        liar = client()
        await liar.socket.connect(10)
        await liar.tell("hello", identity=identity)
        assert (await liar.until("error"))["code"] == "bad_identity"
        await liar.until("history")
        assert (liar.ready["conversation"], liar.history["messages"]) == (None, [])


async def test_a_channel_without_a_key_believes_nobody(demo: Setup) -> None:
    async with clients() as client:
        one = client()
        await one.socket.connect(10)
        await one.tell("hello", identity=who("u-1"))
        assert (await one.until("error"))["code"] == "bad_identity"
        assert "hello" in (await one.ask("hello")).lower()
