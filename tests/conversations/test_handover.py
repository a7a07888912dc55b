"""From the bot to a person of the team and back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from bots.threads import in_thread
from channels_integrations.setup import Setup
from conversations import events, ownership, staff_replies
from conversations.models import Conversation, Delivery, Message, Turn
from conversations.runner import runner
from tests.conversations.conftest import until_stored
from tests.conversations.socket_client import Client, clients
from tests.conversations.test_events import store
from tests.fakes.webhook_receiver import Receiver

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]


@pytest.fixture
def grace(transactional_db: None) -> Any:
    return get_user_model().objects.create_user("g.hopper", first_name="Grace", is_staff=True)


async def with_a_person(client: Client, grace: Any) -> Conversation:
    await client.ask("my name is Ada")
    await client.ask("/human")
    here = await in_thread(Conversation.objects.get)
    return await in_thread(ownership.take, here.pk, grace)


async def test_who_asks_for_a_person_waits_and_the_bot_is_silent(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        assert "A person will be with you soon" in await one.ask("/human")
        await one.until("owner", owner="waiting")
        await one.say("are you there?")
        assert await one.socket.receive_nothing(1.2)
    here = await in_thread(Conversation.objects.get)
    assert (here.owner, here.waiting_since is not None) == ("waiting", True)
    assert await in_thread(Turn.objects.count) == 1


async def test_a_person_answers_and_the_visitor_sees_who(demo: Setup, grace: Any) -> None:
    async with clients() as client:
        one = await client().hello()
        here = await with_a_person(one, grace)
        await one.until("owner", owner="human")
        joined = await one.until("message", role="system")
        assert joined["text"] == "Grace from the team answers now."
        await one.say("are you there?")
        await in_thread(staff_replies.reply, here.pk, grace, "I am **here**.")
        said = await one.until("message", role="assistant")
        assert (said["author"], said["text"]) == ("Grace", "I am **here**.")
        assert "<strong>here</strong>" in said["html"]
        assert "g.hopper" not in str(one.frames)


async def test_after_the_bot_is_back_it_knows_what_happened(demo: Setup, grace: Any) -> None:
    async with clients() as client:
        one = await client().hello()
        here = await with_a_person(one, grace)
        await one.until("owner", owner="human")
        await one.say("how much is it?")
        await in_thread(staff_replies.reply, here.pk, grace, "Nine dollars.")
        await one.until("message", role="assistant")
        await in_thread(ownership.hand_back, here.pk, grace)
        await one.until("owner", owner="bot")
        assert "Ada" in await one.ask("what is my name?")
    turn = await in_thread(Turn.objects.order_by("-first_seq").first)
    assert turn is not None
    history = await in_thread(lambda: list(Message.objects.filter(in_context=True).values_list("role", "text")))
    assert ("assistant", "Nine dollars.") in history
    assert ("system", "Grace has left. The bot answers again.") in history
    seqs = await in_thread(lambda: list(Message.objects.order_by("seq").values_list("seq", flat=True)))
    assert seqs == list(range(1, len(seqs) + 1))


async def test_what_the_bot_was_about_to_say_is_stopped(demo: Setup, grace: Any) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.say("show me Markdown")
        await one.until("delta")
        for number in range(2):
            await one.tell("message", id=f"q{number}", text="/status")
        await one.until("ack", id="q1")
        here = await in_thread(Conversation.objects.get)
        await in_thread(ownership.take, here.pk, grace)
        stopped = await one.until("message", role="assistant")
        assert stopped["stopped"] is True
    states = await in_thread(lambda: list(Turn.objects.order_by("first_seq").values_list("state", "reason")))
    assert states[0][0] == "stopped"
    assert states[1:] == [("stopped", "a person took over")] * 2


async def test_the_bot_itself_calls_a_person(demo: Setup) -> None:
    from bots.tools.base import ToolContext, tools

    async with clients() as client:
        one = await client().hello()
        await one.ask("hello")
        here = await in_thread(Conversation.objects.get)
        names = "workspace_id bot_id channel_id turn_id person_id chat_user_id".split()
        context = ToolContext(
            conversation_id=str(here.pk), user_id=None, timezone="UTC", language="", **dict.fromkeys(names, "")
        )
        assert "was called" in await in_thread(tools["hand_off"].function, context)
        await one.until("owner", owner="waiting")
        assert tools["hand_off"].effects == "idempotent"


async def test_replies_go_out_on_whatever_channel(hook: Setup, grace: Any, receiver: Receiver) -> None:
    await runner.start()
    await in_thread(store, hook, 1)
    await in_thread(events.read, hook.channel_id)
    await until_stored(Conversation.objects.exists)  # the sweeper may be reading it already
    here = await in_thread(Conversation.objects.get)
    await in_thread(staff_replies.reply, here.pk, grace, "I am here.")
    runner.ring_delivery(here.pk)
    async with asyncio.timeout(10):
        while not any("I am here." in str(message) for message in receiver.taken()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await runner.drain(5)
    assert await in_thread(lambda: Delivery.objects.get(payload__text="I am here.").state) == "sent"


async def test_an_ended_conversation_is_not_taken(demo: Setup, grace: Any) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.ask("hello")
        await one.tell("end")
        await one.until("ended")
        here = await in_thread(Conversation.objects.get)
        assert not await in_thread(ownership.ask_for_person, here.pk)
        for act in (ownership.take, ownership.hand_back):
            with pytest.raises(ownership.Over):
                await in_thread(act, here.pk, grace)
        with pytest.raises(ownership.Over):
            await in_thread(staff_replies.reply, here.pk, grace, "hello?")


async def test_taking_and_giving_back_twice_is_once(demo: Setup, grace: Any) -> None:
    async with clients() as client:
        one = await client().hello()
        here = await with_a_person(one, grace)
        await in_thread(ownership.take, here.pk, grace)
        await in_thread(ownership.hand_back, here.pk, grace)
        await in_thread(ownership.hand_back, here.pk, grace)
    assert await in_thread(Message.objects.filter(role="system").count) == 2
