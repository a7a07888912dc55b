"""The exchange with a real wire: what a model sees, what it costs, and what a person hears when it fails."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Iterator
from itertools import pairwise

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.utils import timezone

from bots.models import AIModel, AIProvider, Bot, ModelPrice
from bots.remember import forget
from bots.threads import in_thread
from bots.tools.base import ToolContext, tool, tools
from channels_integrations.setup import Setup
from conversations import turns
from conversations.accept import accept, accept_transcript
from conversations.models import Conversation, Message, ModelCall, Person, ToolCall, Turn
from conversations.pipeline import answer, prepare
from conversations.turns import Claim
from tests.conversations.conftest import said
from tests.fakes.model_server import ModelServer, Reply

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def model(demo: Setup, server: ModelServer, settings: object) -> AIModel:
    """The loopback server's model, chosen as the installation's default."""
    import openai  # noqa: F401  its import would take longer than the deadlines below

    provider = AIProvider.objects.create(slug="fake", name="Fake", base_url=server.base_url, api_key="sk-canary-0000")
    model = AIModel.objects.create(
        provider=provider, name="fake-small", first_token_seconds=1.5, idle_seconds=1.2, total_seconds=4
    )
    settings.DEFAULT_MODEL = "fake/fake-small"  # type: ignore[attr-defined]
    forget()
    return model


async def ask(setup: Setup, text: str, **more: str) -> Message:
    accepted = await in_thread(accept, setup, said(text, **more))
    reply = await answer(accepted.conversation_id)
    assert reply is not None
    return reply.message


async def test_tokens_are_priced_at_the_price_of_the_moment(demo: Setup, model: AIModel, server: ModelServer) -> None:
    def price(cents: int) -> None:
        ModelPrice.objects.create(
            model=model, input_nanodollars=cents * 10_000_000, cached_nanodollars=0, output_nanodollars=2_000_000_000,
            valid_from=timezone.now(),
        )  # fmt: skip
        forget()

    await in_thread(price, 100)
    usage = {"prompt_tokens": 1000, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 400}}
    server.script(Reply(text="yes", usage=usage))
    message = await ask(demo, "hello")
    call = await in_thread(ModelCall.objects.get)
    assert call.cost_nanodollars == 600 * 1000 + 10 * 2000
    assert (message.model_used, message.token_count) == ("fake/fake-small", 1010)
    await in_thread(price, 900)
    assert (await in_thread(ModelCall.objects.get)).cost_nanodollars == call.cost_nanodollars


async def test_a_bots_own_limit_holds_where_it_is_lower(demo: Setup, model: AIModel, server: ModelServer) -> None:
    def limit(tokens: int | None) -> None:
        Bot.objects.filter(slug="demo").update(max_output_tokens=tokens)
        forget()

    for tokens, sent in ((None, 2_000), (300, 300), (9_000, 2_000)):
        await in_thread(limit, tokens)
        server.script(Reply(text="yes"))
        await ask(demo, "hello")
        assert server.requests[-1]["max_tokens"] == sent


async def test_from_the_third_turn_most_of_the_input_is_an_unchanged_prefix(
    demo: Setup, model: AIModel, server: ModelServer
) -> None:
    bot = await in_thread(Bot.objects.get, slug="demo")
    await in_thread(bot.write_prompt, "You answer customers of a bicycle shop. " * 20)
    forget()
    for number in range(6):
        await ask(demo, f"question {number}: when do you open on Monday?")
    bodies = [json.dumps(body["messages"]) for body in server.requests]
    for before, now in list(pairwise(bodies))[1:]:
        same = next((i for i, (a, b) in enumerate(zip(before, now, strict=False)) if a != b), len(before))
        assert same / len(now) >= 0.7
    assert "Now:" in server.requests[-1]["messages"][-2]["content"]


@pytest.mark.parametrize(
    ("replies", "reason", "sentence"),
    [
        ([Reply(status=401)], "bad_key", "not set up correctly"),
        ([Reply(status=404)], "unknown_model", "not set up correctly"),
        ([Reply(status=400, body={"error": {"code": "context_length_exceeded"}})], "context_too_long", "too long"),
        ([Reply(text="", finish="content_filter")], "content_filter", "cannot answer that"),
        ([Reply(text="  "), Reply(reasoning="hm")], "empty", "found no answer"),
        ([Reply(status=503)] * 3, "unavailable", "cannot reach the model"),
        ([Reply(status=429, headers={"Retry-After": "99"})], "rate_limited", "many people"),
        ([Reply(hang=2.5)] * 2, "timeout", "took too long"),
    ],
)
async def test_each_failure_ends_in_one_plain_sentence_and_a_reason(
    demo: Setup, model: AIModel, server: ModelServer, replies: list[Reply], reason: str, sentence: str
) -> None:
    server.script(*replies)
    message = await ask(demo, "hello")
    assert sentence in message.text
    turn = await in_thread(Turn.objects.get)
    assert (turn.state, turn.reason.split(":")[0]) == ("failed", reason)
    assert "canary" not in turn.reason + message.text
    assert len(server.requests) == len(replies) == await in_thread(ModelCall.objects.count)
    assert await in_thread(Message.objects.count) == 2


async def test_a_try_that_broke_off_is_replaced_not_glued(demo: Setup, model: AIModel, server: ModelServer) -> None:
    server.script(Reply(text="I was about to", cut=True), Reply(text="whole answer"))
    frames: list[dict[str, object]] = []

    async def note(frame: dict[str, object]) -> None:
        frames.append(frame)

    accepted = await in_thread(accept, demo, said("hello"))
    reply = await answer(accepted.conversation_id, note)
    assert reply is not None and reply.message.text == "whole answer"
    attempts: list[object] = [frame["attempt"] for frame in frames if frame["type"] == "start"]
    assert attempts == sorted({*attempts}, key=str) and len(attempts) == 2
    last = [frame["text"] for frame in frames if frame["type"] == "delta" and frame["attempt"] == attempts[-1]]
    assert "".join(map(str, last)) == "whole answer"


async def test_an_answer_that_hit_its_limit_says_so(demo: Setup, model: AIModel, server: ModelServer) -> None:
    server.script(Reply(text="part of it", finish="length"))
    assert (await ask(demo, "hello")).text == "part of it\n\n(shortened)"


async def test_a_model_that_always_calls_the_same_tool_is_stopped(
    demo: Setup, model: AIModel, server: ModelServer
) -> None:
    call = {"name": "calculate", "arguments": '{"expression": "1+1"}'}
    server.script(*[Reply(tool_calls=[call], finish="tool_calls")] * 3, Reply(text="it is 2"))
    assert (await ask(demo, "loop")).text == "it is 2"
    assert await in_thread(ToolCall.objects.count) == 3
    assert "tools" not in server.requests[-1]


async def test_bad_tool_calls_go_back_to_the_model_as_text(demo: Setup, model: AIModel, server: ModelServer) -> None:
    calls = [{"name": "rm_rf", "arguments": "{}"}, {"name": "calculate", "arguments": "{nonsense"}]
    server.script(Reply(tool_calls=calls, finish="tool_calls"), Reply(text="sorry"))
    assert (await ask(demo, "hello")).text == "sorry"
    results = [m["content"] for m in server.requests[-1]["messages"] if m["role"] == "tool"]
    assert all(text.startswith("Error:") for text in results) and len(results) == 2


async def test_a_once_tool_that_was_started_is_not_run_again(demo: Setup, model: AIModel, server: ModelServer) -> None:
    runs: list[str] = []

    @tool(effects="once")
    def pay(amount: int) -> str:
        """Pay."""
        runs.append(str(amount))
        return "paid"

    try:
        await in_thread(lambda: Bot.objects.update(tools=["pay"]))
        forget()
        accepted = await in_thread(accept, demo, said("pay 5"))
        held = await in_thread(turns.claim, accepted.conversation_id, length=9)
        assert held is not None
        row = ToolCall(
            turn=held.turn, round=1, position=0, call_id="c", name="pay", arguments='{"amount": 5}', effects="once",
            state="started",
        )  # fmt: skip
        said_row = ModelCall(
            turn=held.turn, model_name="m", level="x", attempt=1, round=1, latency_ms=1, said={"text": ""}
        )
        assert await in_thread(turns.journal, held, said_row, [row])
        await in_thread(lambda: Conversation.objects.update(lease_until=None))  # its process is gone
        server.script(Reply(text="please check"))
        reply = await answer(accepted.conversation_id)
        assert reply is not None and runs == []
        assert "Outcome unknown" in server.requests[-1]["messages"][-1]["content"]
        assert (await in_thread(ToolCall.objects.get)).state == "unknown"
    finally:
        tools._entries.pop("pay")


async def test_twenty_conversations_at_once(demo: Setup, model: AIModel, server: ModelServer) -> None:
    messages = await asyncio.gather(*(ask(demo, f"hello {n}", chat=f"visitor-{n}") for n in range(20)))
    assert [m.text for m in messages] == [f"echo: hello {n}" for n in range(20)]


@pytest.mark.skipif("sqlite" in str(connection.settings_dict["ENGINE"]), reason="the planner asked is PostgreSQL's")
def test_history_is_read_by_its_index(demo: Setup) -> None:
    accepted = accept(demo, said("hello"))
    conversation = Conversation.objects.get(pk=accepted.conversation_id)
    where = {"conversation": conversation, "channel_id": demo.channel_id}
    Message.objects.bulk_create(Message(**where, seq=seq, role="user", text="x") for seq in range(2, 5_002))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE conversations_message")
    plan = Message.objects.filter(conversation=conversation).order_by("-seq")[:20].explain()
    assert "Index Scan Backward using message_seq" in plan, plan


async def test_a_setup_that_cannot_be_read_ends_the_turn(demo: Setup) -> None:
    accepted = await in_thread(accept, demo, said("hello"))
    await in_thread(lambda: Bot.objects.update(tools=7))
    forget()
    reply = await answer(accepted.conversation_id)
    assert reply is not None and reply.message.metadata["notice"] is True
    turn = await in_thread(Turn.objects.get)
    assert (turn.state, turn.reason) == ("failed", "a fault of ours, see the log")


async def test_so_does_what_a_bots_form_said_when_nobody_can_read_it(demo: Setup) -> None:
    form: dict[str, object] = {"name": "Demo", "prompt": "", "tools": [], "parameters": {}, "max_output_tokens": None}
    trial = {**form, "model": "no id"}

    def store() -> Claim:
        stored = accept_transcript(demo, said("hello"), [], claim=True, test=True, trial=trial)
        assert stored.claim is not None
        return stored.claim

    begun = await in_thread(lambda: prepare(store()))
    assert begun is not None
    assert await answer(begun.held.conversation.pk, begun=begun) is not None
    assert (await in_thread(Turn.objects.get)).state == "failed"


async def test_a_tool_with_a_permission_is_for_people_whose_account_has_it(
    demo: Setup, model: AIModel, server: ModelServer
) -> None:
    seen: list[str | None] = []

    @tool(perm="auth.add_user")
    def invite(ctx: ToolContext) -> str:
        """Invite somebody."""
        seen.append(ctx.user_id)
        return "invited"

    def link() -> int:
        user = get_user_model().objects.create_user("ada", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename="add_user"))
        Person.objects.update(user=user)
        return int(user.pk)

    try:
        await in_thread(lambda: Bot.objects.update(tools=["invite"]))
        forget()
        server.script(Reply(tool_calls=[{"name": "invite", "arguments": "{}"}]), Reply(text="no"))
        await ask(demo, "invite Bob")
        assert "tools" not in server.requests[0] and seen == []
        pk = await in_thread(link)
        server.script(Reply(tool_calls=[{"name": "invite", "arguments": "{}"}]), Reply(text="done"))
        assert (await ask(demo, "invite Bob")).text == "done"
        assert seen == [str(pk)]
        stranger = dataclasses.replace(said("invite me"), sender_id="stranger")  # in the same chat
        accepted = await in_thread(accept, demo, stranger)
        assert await answer(accepted.conversation_id)
        assert "tools" not in server.requests[-1] and seen == [str(pk)]
    finally:
        tools._entries.pop("invite")
