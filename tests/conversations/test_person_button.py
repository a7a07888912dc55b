"""The web chat's button that calls a person: the frame `human`."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model

from bots.remember import forget
from bots.threads import in_thread
from channels_integrations.models import ChannelConfig, FeatureFlag
from channels_integrations.setup import Setup
from conversations import ownership
from conversations.models import Conversation, Message, Turn
from tests.conversations.socket_client import clients, stored

pytestmark = pytest.mark.django_db(transaction=True)
CALLED = "A person will be with you soon. Just go on writing; the bot is silent until then."


async def test_who_presses_it_waits_for_a_person_and_the_bot_is_silent(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.ask("hello")
        other = await client().hello(visitor=one.ready["visitor"])
        await one.tell("human")
        for socket in (one, other):
            await socket.until("owner", owner="waiting")
            assert (await socket.until("message", role="system"))["text"] == CALLED
        await one.say("are you there?")
        assert await one.socket.receive_nothing(1.2)
    here = await in_thread(Conversation.objects.get)
    assert (here.owner, here.waiting_since is not None) == ("waiting", True)
    assert await in_thread(Turn.objects.count) == 1
    assert not (await in_thread(Message.objects.get, role="system")).in_context


async def test_it_is_the_first_thing_that_somebody_does_in_their_language(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello(language="de")
        await one.tell("human")
        await one.until("ready", owner="waiting")
        (line,) = (await one.until("history"))["messages"]
        assert (line["role"], line["seq"]) == ("system", 1)
        assert line["text"].startswith("Gleich ist ein Mensch für dich da.")
        await one.say("Hallo?")
    assert await in_thread(Conversation.objects.count) == 1
    assert (await in_thread(Conversation.objects.get)).title == "Hallo?"


async def test_it_works_where_commands_are_switched_off(demo: Setup) -> None:
    where: dict[str, Any] = {"workspace_id": demo.workspace_id, "channel_id": demo.channel_id}
    await in_thread(lambda: FeatureFlag.objects.create(**where, name="enable_commands", kind="bool", value=False))
    forget()
    async with clients() as client:
        one = await client().hello()
        assert "A person" not in await one.ask("/human")
        await one.tell("human")
        await one.until("owner", owner="waiting")


async def test_pressed_again_it_changes_nothing(demo: Setup) -> None:
    grace = await in_thread(get_user_model().objects.create_user, "g.hopper", first_name="Grace", is_staff=True)
    async with clients() as client:
        one = await client().hello()
        await one.ask("hello")
        for _ in range(2):
            await one.tell("human")
        await one.until("owner", owner="waiting")
        here = await in_thread(Conversation.objects.get)
        await in_thread(ownership.take, here.pk, grace)
        await one.until("owner", owner="human")
        await one.tell("human")
        await one.tell("ping")
        await one.until("pong")
    assert (await in_thread(Conversation.objects.get)).owner == "human"
    said = [text for _seq, role, text in await stored() if role == "system"]
    assert said == [CALLED, "Grace from the team answers now."]


async def test_after_the_end_it_begins_anew(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.ask("hello")
        await one.tell("end")
        await one.until("ended")
        ended = one.ready["conversation"]
        await one.tell("human")
        await one.until("ready", owner="waiting")
        assert one.ready["conversation"] not in {None, ended}
    assert await in_thread(lambda: set(Conversation.objects.values_list("owner", flat=True))) == {"bot", "waiting"}


async def test_where_the_channel_offers_nobody_it_is_refused(demo: Setup) -> None:
    await in_thread(lambda: ChannelConfig.objects.update(config={"person_button": False}))
    forget()
    async with clients() as client:
        one = await client().hello()
        await one.tell("human")
        refused = await one.until("error", code="not_found")
        assert refused["message"] == "Nobody can be called here."
    assert await in_thread(Conversation.objects.count) == 0


async def test_it_is_within_the_limits_of_messages(demo: Setup, settings: Any) -> None:
    settings.RATE_LIMIT_PER_MINUTE = 2
    async with clients() as client:
        one = await client().hello()
        for _ in range(3):
            await one.tell("human")
        assert (await one.until("error", code="rate_limited"))["retry_after"] > 0
