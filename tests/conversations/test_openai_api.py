"""The official client against our `/v1/`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx2
import pytest
from openai import AsyncOpenAI, AuthenticationError, BadRequestError, NotFoundError, OpenAI
from openai.types.chat import ChatCompletionMessageParam

from bots.threads import in_thread
from conversations.models import Conversation, Message

pytestmark = pytest.mark.django_db(transaction=True)
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]


@pytest.fixture
def client(address: str, key: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0) as client:
        yield client


def test_lists_chats_and_remembers_what_was_sent(client: OpenAI) -> None:
    assert [row.id for row in client.models.list()] == ["demo"]
    assert client.models.retrieve("demo").id == "demo"
    messages: list[ChatCompletionMessageParam] = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "my name is Ada"},
        {"role": "assistant", "content": "Hello Ada"},
        {"role": "user", "content": [{"type": "text", "text": "what is my name?"}]},
    ]
    answer = client.chat.completions.create(model="demo", messages=messages)
    assert "Ada" in (answer.choices[0].message.content or "")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens > 0
    conversation = Conversation.objects.get()
    assert conversation.status == "ended"
    assert [m.seq for m in Message.objects.order_by("seq")] == [1, 2, 3, 4, 5]


def test_streams_with_usage(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="demo", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )  # fmt: skip
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert "demo model" in text
    assert chunks[-1].usage is not None
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert len(chunks) > 5


def test_commands_are_not_interpreted(client: OpenAI) -> None:
    answer = client.chat.completions.create(model="demo", messages=[{"role": "user", "content": "/history"}])
    assert "latest conversations" not in (answer.choices[0].message.content or "")


async def test_twenty_calls_run_in_parallel(address: str, key: str) -> None:
    async with AsyncOpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0) as client:
        calls = [
            client.chat.completions.create(model="demo", messages=[{"role": "user", "content": f"{n} + 1"}])
            for n in range(20)
        ]
        answers = await asyncio.gather(*calls)
    for number, answer in enumerate(answers):
        assert f"**{number + 1}**" in (answer.choices[0].message.content or "")
    assert await in_thread(Conversation.objects.count) == 20


def test_errors_have_openais_form(client: OpenAI, address: str, key: str) -> None:
    stranger = OpenAI(base_url=f"{address}/v1", api_key="wrong", max_retries=0)
    with stranger, pytest.raises(AuthenticationError) as wrong:
        stranger.models.list()
    assert wrong.value.code == "invalid_api_key"
    with pytest.raises(NotFoundError) as unknown:
        client.chat.completions.create(model="nope", messages=HELLO)
    assert unknown.value.code == "model_not_found"
    for bad in ({"n": 2}, {"stream": "yes"}, {"tools": [{"type": "function", "function": {"name": "f"}}]}):
        with pytest.raises(BadRequestError):
            client.chat.completions.create(model="demo", messages=HELLO, **bad)
    headers = {"Authorization": f"Bearer {key}"}
    for body in (b"", b"[" * 100_000, b"[]", b'{"model": "demo"}', b'{"model": "demo", "messages": [[]]}', b"\xff"):
        answer = httpx2.post(f"{address}/v1/chat/completions", content=body, headers=headers)
        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == "invalid_request_error"
    assert not Message.objects.exists()
