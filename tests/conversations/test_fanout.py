"""An answer in the making seen from another process: two runners over one Redis, each with watchers of its own."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from django.conf import settings

from bots.threads import in_thread
from channels_integrations.setup import Setup
from conversations import fanout
from conversations.accept import accept
from conversations.draft import Frame
from conversations.hub import Watcher
from conversations.runner import Runner
from tests.conversations.conftest import said, until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not settings.REDIS_URL, reason="one process alone has nobody to tell"),
]


@asynccontextmanager
async def processes() -> AsyncIterator[tuple[Runner, Runner]]:
    """Two runners, the first of which answers: the other has no turn to do."""
    one, other = Runner(), Runner()
    await one.fanout.start()
    await other.fanout.start()
    try:
        yield one, other
    finally:
        await one.drain(5)
        await other.drain(5)


async def seen(watcher: Watcher) -> list[Frame]:
    """Frames until the bot's message."""
    frames: list[Frame] = []
    async with asyncio.timeout(15):
        while not frames or frames[-1]["type"] != "message":
            frames.append(await watcher.frames.get())
    return frames


def text_of(frames: list[Frame]) -> str:
    """What a page would show before the stored message replaces it: blocks by number, deltas appended."""
    blocks: dict[int, str] = {}
    for frame in frames:
        if frame["type"] == "start":
            blocks = {block["block"]: block.get("html", block.get("text")) for block in frame["blocks"]}
        elif frame["type"] == "delta":
            blocks[frame["block"]] = blocks.get(frame["block"], "") + frame["text"]
        elif frame["type"] == "block":
            blocks[frame["block"]] = frame["html"]
    return "\n".join(blocks[number] for number in sorted(blocks))


async def begun(runner: Runner, conversation_id: uuid.UUID) -> None:
    async with asyncio.timeout(10):
        while conversation_id not in runner.running or not runner.running[conversation_id].draft.text:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("when", ["before", "during"])
async def test_a_watcher_elsewhere_sees_the_whole_answer_grow(demo: Setup, when: str) -> None:
    accepted = await in_thread(accept, demo, said("show me Markdown"))
    conversation_id = accepted.conversation_id
    async with processes() as (one, other):
        here, there = Watcher(), Watcher()
        one.watch(conversation_id, here, seen=1)
        if when == "before":
            other.watch(conversation_id, there, seen=1)
            await until(lambda: conversation_id in one.fanout._elsewhere)
        one.ring(conversation_id)
        if when == "during":
            await begun(one, conversation_id)
            other.watch(conversation_id, there, seen=1)
        mine, theirs = await asyncio.gather(seen(here), seen(there))
        assert theirs[-1] == mine[-1]
        assert text_of(theirs) == text_of(mine)
        assert len([frame for frame in theirs if frame["type"] == "delta"]) > 10
        assert theirs[0]["type"] == "start"


async def acquainted(one: Runner, other: Runner) -> None:
    """Each has heard that the other came, and has answered: what one says is heard in its order."""
    for speaker, listener in ((one, other), (other, one)):
        told = uuid.uuid4()
        speaker.watch(told, Watcher(), seen=1)
        await until(lambda told=told, listener=listener: told in listener.fanout._elsewhere)  # type: ignore[misc]
    await until(lambda: one.fanout._orders.empty() and other.fanout._orders.empty())


async def test_nothing_is_sent_where_nobody_else_watches(demo: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    accepted = await in_thread(accept, demo, said("show me Markdown"))
    async with processes() as (one, other):
        await acquainted(one, other)
        here = Watcher()
        one.watch(accepted.conversation_id, here, seen=1)
        await until(lambda: accepted.conversation_id in other.fanout._elsewhere)
        sent: list[str] = []
        layer = one.fanout._layer._get_layer()
        for name in ("send", "group_send", "group_add"):
            monkeypatch.setattr(layer, name, lambda *_, name=name: sent.append(name))
        one.ring(accepted.conversation_id)
        await seen(here)
        await asyncio.sleep(0.3)
        assert not sent


async def test_who_comes_later_hears_what_is_watched_elsewhere(demo: Setup) -> None:
    accepted = await in_thread(accept, demo, said("show me Markdown"))
    one, other = Runner(), Runner()
    there = Watcher()
    await other.fanout.start()
    try:
        other.watch(accepted.conversation_id, there, seen=1)
        await until(lambda: other.fanout._orders.empty() and bool(other.fanout._name))  # it told nobody
        await one.fanout.start()
        await until(lambda: accepted.conversation_id in one.fanout._elsewhere)
        one.ring(accepted.conversation_id)
        assert (await seen(there))[0]["type"] == "start"
    finally:
        await one.drain(5)
        await other.drain(5)


async def test_frames_end_when_the_last_watcher_elsewhere_is_gone_or_silent(
    demo: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(fanout, "KEPT_SECONDS", 0.5)
    accepted = await in_thread(accept, demo, said("hello"))
    gone, silent = accepted.conversation_id, uuid.uuid4()
    async with processes() as (one, other):
        for conversation_id in (gone, silent):
            other.watch(conversation_id, Watcher(), seen=1)
        await until(lambda: set(one.fanout._elsewhere) == {gone, silent})
        other.leave(gone, next(iter(other.hub._watchers[gone])))
        await until(lambda: set(one.fanout._elsewhere) == {silent})
        await other.fanout.stop()
        await until(lambda: not one.fanout._elsewhere)


async def test_it_ends_though_redis_s_client_takes_a_cancellation_for_itself(
    demo: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = asyncio.Event()

    async def stubborn(*_: object) -> None:
        taken.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)

    async with processes() as (one, _other):
        await until(lambda: bool(one.fanout._name))
        monkeypatch.setattr(one.fanout._layer._get_layer(), "group_send", stubborn)
        one.watch(uuid.uuid4(), Watcher(), seen=1)
        await taken.wait()
        tasks = tuple(one.fanout._tasks)
        async with asyncio.timeout(fanout.STOP_SECONDS):  # after which it would leave them behind
            await one.fanout.stop()
        assert all(task.done() for task in tasks)


async def test_an_answer_does_not_wait_for_a_redis_that_is_gone(demo: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    accepted = await in_thread(accept, demo, said("hello"))
    async with processes() as (one, _other):

        async def refuse(*_: object) -> None:
            raise ConnectionError("away")

        monkeypatch.setattr(one.fanout._layer._get_layer(), "group_send", refuse)
        monkeypatch.setattr(one.fanout._layer._get_layer(), "group_add", refuse)
        here = Watcher()
        one.watch(accepted.conversation_id, here, seen=1)
        one.ring(accepted.conversation_id)
        assert "demo model" in (await seen(here))[-1]["text"]
