"""A reader that does not keep up is cut off, and finds everything when it comes back."""

from __future__ import annotations

import asyncio
import json
import secrets
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from channels_integrations.setup import Setup
from conversations import socket_view
from conversations.hub import BACKLOG
from conversations.runner import runner
from tests.conversations.conftest import until
from tests.conversations.socket_client import clients

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]


async def test_one_that_lags_too_far_behind_is_closed_and_catches_up(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        answer = await one.ask("hello")
        (conversation,) = runner.hub._watchers
        for number in range(BACKLOG + 5):
            runner.hub.publish(conversation, {"type": "typing", "number": number})
        assert await one.closed() == 1013
        again = await client().hello(visitor=one.ready["visitor"])
        assert again.history["messages"][-1]["text"] == answer


async def test_one_that_stops_reading_is_given_up(demo: Setup, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_view, "READ_SECONDS", 0.5)
    where = urlsplit(address)
    async with connect(f"ws://{where.netloc}/ws/chat/demo/", max_queue=1) as reader:
        await reader.send(json.dumps({"type": "hello"}))
        await reader.send(json.dumps({"type": "message", "id": "1", "text": "hello"}))
        while json.loads(await reader.recv())["type"] != "message":
            continue
        (conversation,) = runner.hub._watchers
        for _ in range(1_500):  # more than the kernel and the server keep for it
            runner.hub.publish(conversation, {"type": "typing", "filling": secrets.token_hex(8_000)})
        await until(lambda: not runner.hub._watchers)
        with pytest.raises(ConnectionClosed) as closed:  # it reads on, and finds the end
            await asyncio.wait_for(read_on(reader), 20)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1013


async def read_on(reader: ClientConnection) -> None:
    while True:
        await reader.recv()
