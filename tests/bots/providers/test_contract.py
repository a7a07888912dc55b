"""What holds for every provider client there is, and for one that is added."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.providers import sse
from bots.providers.base import Account, ChatMessage, ChatRequest, Finish, ProviderError, TextDelta, clients
from bots.providers.openai_stream import Reader
from tests.fakes.model_server import ModelServer, chunk, event


@pytest.mark.parametrize("kind", list(clients))
async def test_a_stream_ends_with_its_finish(kind: str) -> None:
    with ModelServer() as server:
        client = clients[kind](Account(id="a", slug="x", kind=kind, base_url=server.base_url))
        asked = ChatRequest(model="demo", messages=(ChatMessage(role="user", text="hello"),))
        events = [event async for event in client.stream(asked)]
        assert await client.models()
        await client.aclose()
    assert isinstance(events[-1], Finish)
    assert any(isinstance(e, TextDelta) for e in events)


GOOD = (
    chunk({"content": "hello"})
    + chunk({"tool_calls": [{"index": 0, "function": {"name": "f"}}]})
    + event({"usage": {}})
)


@given(st.lists(st.tuples(st.integers(0, len(GOOD)), st.binary(max_size=6)), max_size=6), st.integers(1, 40))
@settings(max_examples=1_000, deadline=None)
def test_a_mutated_stream_has_one_outcome_and_no_crash(cuts: list[tuple[int, bytes]], size: int) -> None:
    import asyncio

    body = GOOD
    for place, junk in cuts:
        body = body[:place] + junk + body[place + len(junk) :]

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), size):
            yield body[start : start + size]

    async def read() -> list[object]:
        return [e async for e in Reader().events(sse.data(pieces()), input_bytes=10)]

    try:
        events = asyncio.run(read())
    except ProviderError as error:
        assert error.code in {"malformed", "unavailable"}
    else:
        assert isinstance(events[-1], Finish)
