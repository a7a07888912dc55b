"""Quick messages of one person become one question, where a channel says so."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from bots.remember import forget
from bots.threads import in_thread
from channels_integrations.base import IncomingMessage
from channels_integrations.models import FeatureFlag
from channels_integrations.setup import Setup, setup_of
from conversations.accept import Accepted, accept
from conversations.models import Message, Turn
from conversations.runner import Runner
from tests.conversations.conftest import until_stored

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]


@asynccontextmanager
async def at_work() -> AsyncIterator[Runner]:
    """A runner that answers."""
    made = Runner()
    await made.start()
    try:
        yield made
    finally:
        await made.drain(1)


async def patient(setup: Setup, seconds: int) -> Setup:
    """The channel, waiting so long for more."""

    def put() -> Setup:
        place = {"workspace_id": setup.workspace_id, "channel_id": setup.channel_id}
        FeatureFlag.objects.create(**place, name="merge_window", kind="int", value=str(seconds))
        forget()
        return setup_of(setup.channel_id)

    return await in_thread(put)


async def say(
    runner: Runner, setup: Setup, text: str, *, chat: str = "c", sender: str = "ada", **more: Any
) -> Accepted:
    incoming = IncomingMessage(event_id=uuid.uuid4().hex, chat_id=chat, sender_id=sender, text=text, **more)
    accepted = await runner.accept(accept, setup, incoming, claim=True)
    await runner.follow_up(accepted, text)
    return accepted


async def answers() -> list[str]:
    return await in_thread(
        lambda: list(Message.objects.filter(role="assistant").order_by("seq").values_list("text", flat=True))
    )


async def test_three_quick_messages_are_one_turn_and_one_answer(hook: Setup) -> None:
    setup = await patient(hook, 3)
    async with at_work() as runner:
        told = [await say(runner, setup, text) for text in ("what", "is", "6 * 7?")]
        await until_stored(lambda: Turn.objects.filter(state="done").exists())
    assert len({accepted.turn_id for accepted in told}) == 1
    assert all(accepted.claim is None for accepted in told)
    assert len(await answers()) == 1 and "42" in (await answers())[0]


async def test_commands_and_what_cannot_be_read_wait_for_nobody(hook: Setup) -> None:
    setup = await patient(hook, 10)
    async with at_work() as runner:
        await say(runner, setup, "/help")
        await until_stored(lambda: Turn.objects.filter(state="done").exists())
        accepted = await say(runner, setup, "", raw={"refused": "media"})
        await until_stored(lambda: Turn.objects.filter(state="done").count() == 2)
    assert accepted.wait == 0


async def test_another_person_in_the_same_chat_begins_a_turn_of_their_own(hook: Setup) -> None:
    setup = await patient(hook, 10)
    said = (("ada", "one"), ("bob", "two"), ("ada", "three"))
    async with at_work() as runner:
        turns = [(await say(runner, setup, text, sender=sender)).turn_id for sender, text in said]
    assert len(set(turns)) == 3


async def test_who_goes_on_writing_is_answered_after_three_windows(hook: Setup) -> None:
    setup = await patient(hook, 2)
    accepted = await in_thread(accept, setup, IncomingMessage(event_id="1", chat_id="c", sender_id="a", text="one"))

    def old() -> None:
        Turn.objects.update(
            created_at=timezone.now() - timedelta(seconds=5), run_after=timezone.now() + timedelta(seconds=1)
        )

    await in_thread(old)
    more = await in_thread(accept, setup, IncomingMessage(event_id="2", chat_id="c", sender_id="a", text="two"))
    assert more.turn_id == accepted.turn_id
    turn = await in_thread(Turn.objects.get)
    assert turn.run_after < timezone.now() + timedelta(seconds=1.5)


async def test_without_a_window_each_message_is_answered(hook: Setup) -> None:
    async with at_work() as runner:
        for text in ("1 + 1", "2 + 2"):
            await say(runner, hook, text)
        await until_stored(lambda: Turn.objects.filter(state="done").count() == 2)
    assert len(await answers()) == 2
