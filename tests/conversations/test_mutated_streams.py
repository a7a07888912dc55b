"""Answers of a server gone mad, each a turn of its own: one outcome each, and a sentence for the person."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from bots.models import AIModel, AIProvider
from bots.remember import forget
from bots.threads import in_thread
from channels_integrations.setup import Setup
from conversations import agent
from conversations.accept import accept
from conversations.models import Message, Turn
from conversations.pipeline import answer, prepare
from tests.conversations.conftest import said
from tests.environment import LONG
from tests.fakes.model_server import ModelServer, Reply, chunk, event

pytestmark = pytest.mark.django_db(transaction=True)
STREAMS = 1_000 if LONG else 200
GOOD = [
    chunk({"role": "assistant"}), chunk({"reasoning_content": "hm"}), chunk({"content": "Good "}),
    chunk({"content": "morning 👋"}), chunk({}, "stop"), event({"choices": [], "usage": {"prompt_tokens": 3}}),
    b"data: [DONE]\n\n",
]  # fmt: skip


@pytest.fixture
def mad(demo: Setup, settings: Any) -> Iterator[ModelServer]:
    import openai  # noqa: F401  its import would take longer than the deadlines below

    with ModelServer() as server:
        provider = AIProvider.objects.create(slug="mad", name="Mad", base_url=server.base_url, api_key="sk-canary-0000")
        AIModel.objects.create(provider=provider, name="m", first_token_seconds=5, idle_seconds=5, total_seconds=10)
        settings.DEFAULT_MODEL = "mad/m"
        forget()
        yield server


def mutated(chance: random.Random) -> Reply:
    """A good stream with up to four pieces lost, doubled, cut, swapped or spoiled."""
    pieces = list(GOOD)
    for _ in range(chance.randrange(1, 5)):
        place = chance.randrange(len(pieces)) if pieces else 0
        match chance.randrange(6) if pieces else 6:
            case 0:
                del pieces[place]
            case 1:
                pieces.insert(place, pieces[place])
            case 2:
                pieces[place] = pieces[place][: chance.randrange(len(pieces[place]) + 1)]
            case 3:
                chance.shuffle(pieces)
            case 4:
                spoiled = bytearray(pieces[place] or b" ")
                spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
                pieces[place] = bytes(spoiled)
            case _:
                pieces.insert(
                    place, chance.choice([b"data: null\n\n", b"data: [[]]\n\n", b"\xff\xfe\n\n", b":\n\n", b"\0"])
                )
    return Reply(raw=pieces, finish=None, usage=None, done=False, cut=chance.random() < 0.1)


async def test_each_has_one_outcome(demo: Setup, mad: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "_wait", lambda error, attempt: 0.0 if error.retryable and attempt < 2 else None)
    chance = random.Random(7)
    mad.script(*(mutated(chance) for _ in range(2 * STREAMS)))
    places = asyncio.Semaphore(16)

    async def one(number: int) -> None:
        async with places:
            accepted = await in_thread(accept, demo, said("hello", chat=f"c{number}"), claim=True)
            assert accepted.claim is not None
            assert await answer(accepted.conversation_id, begun=await in_thread(prepare, accepted.claim))

    await asyncio.gather(*(one(number) for number in range(STREAMS)))
    states = Counter(await in_thread(lambda: list(Turn.objects.values_list("state", flat=True))))
    reasons = set(await in_thread(lambda: list(Turn.objects.values_list("reason", flat=True))))
    assert states.keys() == {"done", "failed"} and sum(states.values()) == STREAMS
    assert not any("fault of ours" in reason for reason in reasons), reasons
    answers = Message.objects.filter(role="assistant")
    assert await in_thread(answers.count) == STREAMS
    assert not await in_thread(answers.filter(text="").exists)
