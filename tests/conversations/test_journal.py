"""What an interrupted turn did with its tools: done is not done again, started once is not started twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from bots.models import AIModel, AIProvider, Bot
from bots.remember import forget
from bots.threads import in_thread
from bots.tools.base import ToolError, tool, tools
from channels_integrations.setup import Setup
from conversations import turn_requests, turns, undone
from conversations.accept import accept
from conversations.models import Conversation, ModelCall, ToolCall, Turn
from conversations.pipeline import answer
from conversations.runner import Runner
from tests.conversations.conftest import said, until
from tests.fakes.model_server import ModelServer, Reply

pytestmark = pytest.mark.django_db(transaction=True)
PAY = Reply(tool_calls=[{"name": "pay", "arguments": '{"amount": 5}'}])


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def paid(demo: Setup, server: ModelServer, settings: Any) -> Iterator[list[str]]:
    """What the tool `pay` did, by its idempotency key; the bot may use it and talks to the loopback model."""
    import openai  # noqa: F401  its import would take longer than a test waits

    provider = AIProvider.objects.create(slug="fake", name="Fake", base_url=server.base_url, api_key="sk-canary-0000")
    AIModel.objects.create(provider=provider, name="fake-small", first_token_seconds=5, idle_seconds=5)
    settings.DEFAULT_MODEL = "fake/fake-small"
    Bot.objects.update(tools=["pay"])
    forget()
    done: list[str] = []

    @tool(effects="once", timeout=0.2)
    def pay(amount: int) -> str:
        """Pay."""
        done.append(str(amount))
        if amount == 13:
            raise ToolError("the account is empty")
        if amount == 14:
            raise RuntimeError("half-way")
        return "paid"

    yield done
    tools._entries.pop("pay")


async def test_drained_between_two_rounds_the_next_process_goes_on_from_the_journal(
    demo: Setup, server: ModelServer, paid: list[str]
) -> None:
    server.script(PAY, Reply(hang=30))
    accepted = await in_thread(accept, demo, said("pay 5"))
    runner = Runner()
    runner.ring(accepted.conversation_id)
    await until(lambda: len(server.requests) == 2)
    await runner.drain(0.05)
    turn = await in_thread(Turn.objects.get)
    assert (turn.state, turn.attempts) == ("queued", 0)
    server.script(Reply(text="it is paid"))
    reply = await answer(accepted.conversation_id)
    assert reply is not None and reply.message.text == "it is paid"
    assert paid == ["5"]
    assert server.requests[-1]["messages"][-1]["content"] == "paid"


@pytest.mark.parametrize("again", ["queue_again", "replay"])
async def test_a_failed_turn_that_is_tried_again_keeps_what_it_did(
    demo: Setup, server: ModelServer, paid: list[str], again: str
) -> None:
    refusal = Reply(status=401, body={"error": {"message": "no", "code": "invalid_api_key"}})
    server.script(PAY, refusal)
    accepted = await in_thread(accept, demo, said("pay 5"))
    failed = await answer(accepted.conversation_id)
    assert failed is not None and accepted.turn_id is not None
    if again == "queue_again":
        assert await in_thread(turn_requests.queue_again, accepted.conversation_id, accepted.turn_id)
    else:
        await in_thread(lambda: Turn.objects.update(state="dead"))
        assert await in_thread(undone.replay, "turns") == 1
    server.script(Reply(text="it is paid"))
    reply = await answer(accepted.conversation_id)
    assert reply is not None and reply.message.text == "it is paid"
    assert paid == ["5"]
    assert [row.state for row in await in_thread(lambda: list(Turn.objects.all()))] == ["done"]
    assert await in_thread(ModelCall.objects.filter(said__isnull=False).count) == 1


@pytest.mark.parametrize(
    ("amount", "state", "told"),
    [(13, "failed", "account is empty"), (14, "unknown", "Outcome unknown")],
)
async def test_a_once_tool_that_broke_half_way_has_an_unknown_outcome(
    demo: Setup, server: ModelServer, paid: list[str], amount: int, state: str, told: str
) -> None:
    server.script(
        Reply(tool_calls=[{"name": "pay", "arguments": f'{{"amount": {amount}}}'}]), Reply(text="please check")
    )
    accepted = await in_thread(accept, demo, said("pay"))
    assert await answer(accepted.conversation_id)
    assert (await in_thread(ToolCall.objects.get)).state == state
    assert told in server.requests[-1]["messages"][-1]["content"]


async def test_fenced_out_in_the_middle_of_a_round_nothing_more_is_started(
    demo: Setup, server: ModelServer, paid: list[str]
) -> None:
    server.script(Reply(tool_calls=PAY.tool_calls, hang=0.3))
    accepted = await in_thread(accept, demo, said("pay 5"))
    work = asyncio.create_task(answer(accepted.conversation_id))
    await until(lambda: bool(server.requests))
    stolen = {"lease_token": 99, "lease_until": Now() + timedelta(seconds=30)}
    await in_thread(lambda: Conversation.objects.update(**stolen))
    assert await work is None
    assert paid == []
    assert not await in_thread(ToolCall.objects.exists)


async def test_a_call_that_was_never_offered_is_not_run_after_a_crash_either(
    demo: Setup, server: ModelServer, paid: list[str]
) -> None:
    accepted = await in_thread(accept, demo, said("pay 5"))
    held = await in_thread(turns.claim, accepted.conversation_id, length=9)
    assert held is not None
    rows = [
        ToolCall(turn=held.turn, round=1, position=place, call_id=str(place), name="pay", arguments='{"amount": 5}',
                 effects=effects, state="started")
        for place, effects in enumerate(("idempotent", "once"))
    ]  # fmt: skip
    call = ModelCall(turn=held.turn, model_name="m", level="x", attempt=1, round=1, latency_ms=1, said={"text": ""})
    assert await in_thread(turns.journal, held, call, rows)
    await in_thread(lambda: [Conversation.objects.update(lease_until=None), Bot.objects.update(tools=[])])
    forget()
    server.script(Reply(text="I cannot"))
    assert await answer(accepted.conversation_id)
    assert paid == []
    assert set(await in_thread(lambda: list(ToolCall.objects.values_list("state", flat=True)))) == {"failed"}
