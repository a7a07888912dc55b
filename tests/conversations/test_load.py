"""More is asked than can be answered: it waits in order, one channel does not starve another, nothing breaks."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from bots.models import AIModel, AIProvider, Bot
from bots.remember import forget
from bots.threads import in_thread
from channels_integrations.models import ChannelConfig
from channels_integrations.setup import Setup, setup_of
from conversations import turns
from conversations.accept import accept
from conversations.api import waiting
from conversations.capacity import TURNS
from conversations.models import Conversation, Message, ModelCall, Turn
from conversations.runner import Runner, runner
from tests.conversations.conftest import said, until, until_stored
from tests.fakes.model_server import ModelServer

pytestmark = pytest.mark.django_db(transaction=True)

FIRST_TOKEN = 2.0  # seconds until the slow model is given up
SLOW = 0.2


@pytest.fixture
def slow(demo: Setup, settings: Any) -> Iterator[ModelServer]:
    """A model that takes a fifth of a second for an answer, which is given up after two seconds."""
    import_module("openai")  # which takes a second or two at its first use
    settings.SWEEP_SECONDS = 1
    with ModelServer() as server:
        server.pace = SLOW
        provider = AIProvider.objects.create(slug="slow", name="Slow", base_url=server.base_url)
        AIModel.objects.create(provider=provider, name="slow", first_token_seconds=FIRST_TOKEN)
        settings.DEFAULT_MODEL = "slow/slow"
        forget()
        yield server


def at_once(calls: int) -> None:
    """The model takes so many calls."""
    AIProvider.objects.filter(slug="slow").update(max_concurrency=calls)
    forget()


def another(name: str = "other") -> Setup:
    """A channel of its own for the bot."""
    bot = Bot.objects.get()
    row = ChannelConfig.objects.create(workspace=bot.workspace, bot=bot, kind="webchat", slug=name, name=name)
    return setup_of(row.pk)


async def ask(setup: Setup, text: str, chat: str) -> float:
    """Seconds until it was answered."""
    began = time.monotonic()
    accepted = await runner.accept(accept, setup, said(text, chat=chat), claim=True)
    assert await waiting.answered(accepted, text)
    return time.monotonic() - began


def states() -> dict[tuple[str, int], int]:
    """How many turns ended how, after how many attempts."""
    found: dict[tuple[str, int], int] = {}
    for key in Turn.objects.values_list("state", "attempts"):
        found[key] = found.get(key, 0) + 1
    return found


async def test_a_flood_on_one_channel_does_not_starve_another(
    demo: Setup, slow: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of ten questions is answered while a few of the flood's are; in one queue they would wait for all of it."""
    monkeypatch.setattr(TURNS, "total", 10)
    await runner.start()
    other = await in_thread(another)
    flood = [asyncio.create_task(ask(demo, f"flood {number}", f"flood-{number}")) for number in range(200)]
    await until(lambda: sum(task.done() for task in flood) >= 8)
    meanwhile = []
    for number in range(10):
        before = sum(task.done() for task in flood)
        await ask(other, f"hello {number}", f"other-{number}")
        meanwhile.append(sum(task.done() for task in flood) - before)
    assert not all(task.done() for task in flood)  # else there was nothing to starve
    await asyncio.gather(*flood)
    await runner.drain(5)
    assert max(meanwhile) <= 24
    assert await in_thread(states) == {("done", 1): 210}


async def test_a_channels_flood_leaves_a_place_at_the_model_too(demo: Setup, slow: ModelServer) -> None:
    await in_thread(at_once, 5)
    await runner.start()
    other = await in_thread(another)
    flood = [asyncio.create_task(ask(demo, f"flood {number}", f"flood-{number}")) for number in range(60)]
    await until(lambda: any(task.done() for task in flood))
    await ask(other, "hello", "other")
    assert sum(task.done() for task in flood) <= 30
    await asyncio.gather(*flood)
    await runner.drain(5)
    assert slow.most_at_once <= 5


async def test_past_capacity_everything_is_answered_once_in_order_and_at_the_first_try(
    demo: Setup, slow: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty times what the model takes at once: the last waits twice as long as a call may take."""
    monkeypatch.setattr(TURNS, "total", 40)
    await in_thread(at_once, 5)

    async def talk(chat: str) -> None:
        for number in range(3):  # without waiting for an answer
            text = f"{chat} {number}"
            await runner.follow_up(await runner.accept(accept, demo, said(text, chat=chat), claim=True), text)

    await runner.start()
    began = time.monotonic()
    await asyncio.gather(*(talk(f"chat-{number}") for number in range(35)))
    async with asyncio.timeout(60):
        while await in_thread(Turn.objects.filter(finished_at=None).exists):  # noqa: ASYNC110  it is no event
            await asyncio.sleep(0.1)
    seconds = time.monotonic() - began
    await runner.drain(5)
    assert seconds > FIRST_TOKEN * 2 and slow.most_at_once <= 4  # four fifths, as there is one channel
    assert await in_thread(states) == {("done", 1): 105}
    assert len(slow.requests) == 105
    calls = await in_thread(lambda: list(ModelCall.objects.values_list("error", "latency_ms")))
    assert not [error for error, _ in calls if error] and max(ms for _, ms in calls) < FIRST_TOKEN * 1_000
    texts = await in_thread(lambda: list(Message.objects.order_by("conversation", "seq").values_list("role", "text")))
    asked = [text for role, text in texts if role == "user"]
    assert [text for role, text in texts if role == "assistant"] == [f"echo: {text}" for text in asked]


async def test_a_stop_ends_the_wait_for_a_place(demo: Setup, slow: ModelServer) -> None:
    slow.pace = 0.9
    await in_thread(at_once, 1)
    await runner.start()
    one = asyncio.create_task(ask(demo, "long", "one"))
    await until(lambda: slow.at_once == 1)
    two = asyncio.create_task(ask(demo, "waits", "two"))
    await until(lambda: any(running.draft.waits_since for running in runner.running.values()))
    waits = next(key for key, running in runner.running.items() if running.draft.waits_since)
    await runner.request_stop(waits)
    await two
    assert not one.done()
    turn = await in_thread(Turn.objects.get, conversation=waits)
    assert turn.state == "stopped" and not await in_thread(turn.model_calls.exists)  # nothing was asked
    await one
    await ask(demo, "again", "two")  # the place was not lost
    await runner.drain(5)


@pytest.mark.embedded
async def test_without_a_place_a_message_is_stored_for_whoever_has_one(
    demo: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TURNS, "total", 1)
    runner = Runner()
    async with TURNS.taken_by("somebody else"):
        accepted = await runner.accept(accept, demo, said("hello"), claim=True)
        assert accepted.claim is None
        assert await in_thread(turns.unattended) == [(accepted.conversation_id, demo.channel_id)]
        await runner.follow_up(accepted, "hello")
        runner.ring(accepted.conversation_id, demo.channel_id)  # by the sweeper
        await asyncio.sleep(0)
        assert TURNS.waiting == 1
    await until(lambda: not runner._tasks)
    turn = await in_thread(Turn.objects.get)
    assert (turn.state, turn.attempts) == ("done", 1)
    assert (await in_thread(Conversation.objects.get)).lease_token == 1  # no further claim for the further ring
    await runner.drain(5)


@pytest.mark.embedded
async def test_more_than_may_wait_here_are_found_by_the_sweeper(
    demo: Setup, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(TURNS, "total", 1)
    settings.SWEEP_SECONDS = 0.2
    mine = Runner()
    async with TURNS.taken_by("somebody else"):
        for number in range(16):
            accepted = await mine.accept(accept, demo, said("hello", chat=f"c{number}"), claim=True)
            await mine.follow_up(accepted, "hello")
            await asyncio.sleep(0)
        assert TURNS.waiting == 10
    await mine.start()
    await until_stored(lambda: Turn.objects.filter(state="done", attempts=1).count() == 16)
    await mine.drain(5)
    assert (TURNS.taken, TURNS.waiting) == (0, 0)


@pytest.mark.embedded
async def test_who_waits_for_a_place_is_handed_back_at_the_end(demo: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TURNS, "total", 2)
    mine = Runner()
    first = await mine.accept(accept, demo, said("hello", chat="a"), claim=True)
    assert first.claim is not None
    async with TURNS.taken_by("x"), TURNS.taken_by("y"):
        await mine.follow_up(first, "hello")
        await asyncio.sleep(0)
        await mine.drain(0.1)
    turn = await in_thread(Turn.objects.get)
    assert (turn.state, turn.attempts) == ("queued", 0) and (TURNS.taken, TURNS.waiting) == (0, 0)


@pytest.mark.embedded
def test_the_sweeper_finds_as_much_of_every_channel(demo: Setup) -> None:
    other, third = another(), another("third")
    for number in range(30):
        accept(demo, said("flood", chat=f"flood-{number}"))
    late = [accept(each, said("late", chat=f"{number}")) for number in range(3) for each in (other, third)]
    found = turns.unattended(limit=9)
    channels = [channel for _, channel in found]
    assert {channel: channels.count(channel) for channel in channels} == {
        demo.channel_id: 3, other.channel_id: 3, third.channel_id: 3,
    }  # fmt: skip
    assert {one.conversation_id for one in late} < {conversation for conversation, _ in found}
    ours: list[uuid.UUID] = [conversation for conversation, channel in found if channel == demo.channel_id]
    oldest = Conversation.objects.filter(channel=demo.channel_id).order_by("pk").values_list("pk", flat=True)[:3]
    assert ours == list(oldest)  # within a channel the oldest first
