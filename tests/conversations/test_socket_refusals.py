"""What the websocket refuses: foreign pages, unknown addresses, bad frames, floods. Nothing of it is stored."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest
from django.db import OperationalError
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from bots.models import Bot
from bots.threads import in_thread
from channels_integrations.setup import Setup
from config.asgi import application
from conversations import accept, consumers, open_sockets
from conversations.runner import runner
from tests.conversations.socket_client import SECONDS, clients, stored

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("forged", ["", "00" * 16, "00" * 16 + ":x", "é", "x" * 5000, None])
async def test_nobody_is_let_into_a_strangers_conversation(demo: Setup, forged: str | None) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.ask("my name is Ada")
        other = await client().hello(visitor=forged, conversation=one.ready["conversation"])
        assert (other.ready["conversation"], other.history["messages"]) == (None, [])
        assert other.ready["visitor"] != one.ready["visitor"]
        await other.tell("open", conversation=one.ready["conversation"])
        assert (await other.until("error"))["code"] == "not_found"
        await other.tell("conversations")
        assert (await other.until("conversations"))["items"] == []


BAD = [
    ("{", "bad_frame", None),
    ("", "bad_frame", None),
    ("[]", "bad_frame", None),
    ("null", "bad_frame", None),
    ("NaN", "bad_frame", None),
    ("9" * 5000, "bad_frame", None),
    ("[" * 60_000, "bad_frame", None),
    ('{"type":' * 8_000, "bad_frame", None),
    ('{"type": "nonsense", "id": "m1"}', "bad_frame", "m1"),
    ('{"type": "\\ud800", "id": "\\ud800"}', "bad_frame", None),
    ('{"type": []}', "bad_frame", None),
    ('{"id": "m1", "text": "x"}', "bad_frame", "m1"),
    ('{"type": "message", "text": "x"}', "bad_frame", None),
    ('{"type": "message", "id": 7, "text": "x"}', "bad_frame", None),
    ('{"type": "message", "id": "", "text": "x"}', "bad_frame", None),
    ('{"type": "message", "id": "\\u0000", "text": "x"}', "bad_frame", None),
    (json.dumps({"type": "message", "id": "i" * 65, "text": "x"}), "bad_frame", None),
    ('{"type": "message", "id": "m1"}', "bad_frame", "m1"),
    ('{"type": "message", "id": "m1", "text": 7}', "bad_frame", "m1"),
    ('{"type": "message", "id": "m1", "text": ""}', "empty", "m1"),
    ('{"type": "message", "id": "m1", "text": " \\n\\t "}', "empty", "m1"),
    ('{"type": "message", "id": "m1", "text": "a\\u0000b"}', "invalid_text", "m1"),
    ('{"type": "message", "id": "m1", "text": "a\\ud83d"}', "invalid_text", "m1"),
    (json.dumps({"type": "message", "id": "m1", "text": "x" * 8001}), "too_long", "m1"),
    (json.dumps({"type": "message", "id": "m1", "text": "x" * 65_536}), "too_large", None),
    (json.dumps({"type": "message", "id": "m1", "text": "🙂" * 20_000}, ensure_ascii=False), "too_large", "m1"),
    ('{"type": "hello", "after": -1}', "bad_frame", None),
    ('{"type": "hello", "after": 1e400}', "bad_frame", None),
    ('{"type": "retry", "turn": "x"}', "bad_frame", None),
    (json.dumps({"type": "retry", "turn": str(uuid.uuid4())}), "not_found", None),
    (json.dumps({"type": "open", "conversation": str(uuid.uuid4())}), "not_found", None),
    (json.dumps({"type": "feedback", "message_id": str(uuid.uuid4()), "value": 2}), "bad_frame", None),
    (json.dumps({"type": "feedback", "message_id": str(uuid.uuid4()), "value": 1}), "not_found", None),
    (json.dumps({"type": "press", "message_id": str(uuid.uuid4()), "button": "b"}), "not_found", None),
]


@pytest.mark.parametrize(("text", "code", "name"), BAD, ids=[f"{i}-{row[1]}" for i, row in enumerate(BAD)])
async def test_a_bad_frame_is_told_and_the_socket_lives(demo: Setup, text: str, code: str, name: str | None) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.raw(text)
        error = await one.next()
        assert (error["type"], error["code"], error["id"]) == ("error", code, name)
        assert len(error["message"]) < 300
        await one.tell("ping")
        assert (await one.next())["type"] == "pong"
        assert await stored() == []


async def test_bytes_are_no_frame(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.socket.send_to(bytes_data=b"\xff\x00")
        assert (await one.next())["code"] == "bad_frame"


async def test_a_hello_may_name_anything_as_its_conversation(demo: Setup) -> None:
    async with clients() as client:
        for conversation in (7, "\ud800", "x" * 10_000, json.loads("[" * 400 + "]" * 400)):
            one = await client().hello(conversation=conversation)
            assert one.ready["conversation"] is None


async def test_hello_comes_first_and_in_time(demo: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "HELLO_SECONDS", 0.3)
    async with clients() as client:
        one = client()
        await one.socket.connect(SECONDS)
        await one.tell("message", id="m1", text="hello")
        assert (await one.next())["code"] == "bad_frame"
        assert await one.closed() == 1008
        assert one.frames[-1]["type"] == "error"
        assert await stored() == []


@pytest.mark.parametrize(
    "origin",
    "null http://evil.example https://chat.example http://chat.example:81 http://chat.example.evil.example "
    "http://evilchat.example HTTP://CHAT.EXAMPLE http://user@chat.example http://chat.example/ file:// http:// http://[".split(),
)
async def test_foreign_pages_are_refused(demo: Setup, origin: str) -> None:
    async with clients() as client:
        assert (await client((b"origin", origin.encode())).socket.connect(SECONDS))[0] is False


@pytest.mark.parametrize("origin", ["http://chat.example", "https://shop.example", None])
async def test_own_and_named_pages_and_programs_are_welcome(demo: Setup, settings: Any, origin: str | None) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://shop.example"]
    async with clients() as client:
        headers = [(b"origin", origin.encode())] if origin else []
        await client(*headers).hello()


async def test_a_host_of_nothing_makes_no_origin_ours(demo: Setup) -> None:
    async with clients() as client:
        assert not (await client((b"host", b""), (b"origin", b"http://")).socket.connect(SECONDS))[0]


@pytest.mark.parametrize("path", ["/ws/chat/nobody/", "/ws/chat/a%00b/", "/ws/chat/a\0b/", "/ws/", "/"])
async def test_an_unknown_address_is_refused(demo: Setup, path: str) -> None:
    async with clients() as client:
        assert not (await client(path=path).socket.connect(SECONDS))[0]


async def test_a_bot_out_of_use_has_no_socket(demo: Setup) -> None:
    await in_thread(Bot.objects.update, is_active=False)
    async with clients() as client:
        assert not (await client().socket.connect(SECONDS))[0]


async def test_quick_messages_are_refused_with_the_seconds_to_wait(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        for number in range(6):
            await one.tell("message", id=f"m{number}", text="/status")
        error = await one.until("error")
        assert (error["code"], error["id"]) == ("rate_limited", "m5")
        assert 0 < error["retry_after"] <= 1
        assert len([row for row in await stored() if row[1] == "user"]) == 5


async def test_a_flood_is_cut_off(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        for _ in range(400):
            await one.raw("{")
        assert await one.closed() == 1008
        assert len(one.frames) <= 103
        assert await one.socket.receive_nothing(0.2)


async def test_while_the_database_is_away_the_socket_lives(demo: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("away")

    async with clients() as client:
        one = await client().hello()
        with monkeypatch.context() as patch:
            patch.setattr(accept, "accept", away)
            await one.tell("message", id="m1", text="hello")
            error = await one.until("error")
            assert (error["code"], error["id"], error["retry_after"]) == ("unavailable", "m1", 5)
        await one.tell("message", id="m1", text="hello")
        assert (await one.until("ack", id="m1"))["seq"] == 1


async def test_a_watcher_that_lags_is_cut_off(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.ask("hello")
        conversation = uuid.UUID(one.ready["conversation"])
        for _ in range(2_100):
            runner.hub.publish(conversation, {"type": "typing"})
        assert await one.closed() == 1013


@pytest.mark.parametrize(
    ("path", "origin", "status"),
    [
        ("/ws/chat/demo/", "http://evil.example", 403),
        ("/ws/chat/demo/", "null", 403),
        ("/ws/chat/nobody/", None, 404),
        ("/ws/chat/a%00b/", None, 404),
        ("/ws/chat/%ff%fe/", None, 404),
        ("/ws/elsewhere/", None, 404),
    ],
)
def test_a_handshake_is_refused_with_its_status(address: str, path: str, origin: str | None, status: int) -> None:
    headers = {"Origin": origin} if origin else {}
    with pytest.raises(InvalidStatus) as refused:
        connect(address.replace("http", "ws") + path, additional_headers=headers, open_timeout=SECONDS)
    assert refused.value.response.status_code == status


def closing_code(socket: ClientConnection, *frames: str) -> int | None:
    """What the socket is closed with after these frames."""
    try:
        for frame in frames:
            socket.send(frame)
        while True:
            socket.recv(SECONDS)
    except ConnectionClosedError as closed:
        return closed.rcvd.code if closed.rcvd else None


def test_a_megabyte_closes_the_socket_and_a_quarter_does_not(address: str) -> None:
    with connect(f"{address.replace('http', 'ws')}/ws/chat/demo/", additional_headers={"Origin": address}) as socket:
        socket.send('{"type": "hello"}')
        assert [json.loads(socket.recv(SECONDS))["type"] for _ in range(2)] == ["ready", "history"]
        socket.send("x" * 250_000)
        assert json.loads(socket.recv(SECONDS))["code"] == "too_large"
        assert closing_code(socket, "x" * 1_100_000) == 1009


def test_a_flood_over_the_wire_is_cut_off(address: str) -> None:
    with connect(f"{address.replace('http', 'ws')}/ws/chat/demo/") as socket:
        assert closing_code(socket, *["{"] * 400) == 1008


async def test_a_line_that_is_lost_while_it_is_answered_leaves_nothing_behind(demo: Setup) -> None:
    """A server's `send` raises once the visitor is gone; Channels then calls no `disconnect`."""
    frames: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def send(event: dict[str, Any]) -> None:
        if event["type"] == "websocket.send":
            raise OSError("gone")

    async with clients():
        for _ in range(3):
            scope = {
                "type": "websocket", "path": "/ws/chat/demo/", "headers": [(b"host", b"chat.example")],
                "client": ("10.0.0.7", 1), "subprotocols": [],
            }  # fmt: skip
            frames.put_nowait({"type": "websocket.connect"})
            frames.put_nowait({"type": "websocket.receive", "text": '{"type": "hello"}'})
            with pytest.raises(OSError, match="gone"):
                await asyncio.wait_for(application(scope, frames.get, send), SECONDS)
        assert not open_sockets.by_address
