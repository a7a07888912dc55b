"""REST over a real socket, as a program uses it."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx2
import pytest

from bots.models import ApiKey, Workspace
from conversations.models import Conversation, Message, Turn

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]


@pytest.fixture
def http(address: str, key: str) -> Any:
    with httpx2.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=20) as client:
        yield client


SESSION = {"platform": "api", "user_id": "u1", "chat_id": "c1"}


def test_chat_continues_by_its_session(http: Any) -> None:
    first = http.post("/api/v1/chat/", json={"message": "my name is Ada", "session": SESSION, "bot": "demo"})
    assert first.status_code == 200
    again = http.post("/api/v1/chat/", json={"message": "what is my name?", "session": SESSION, "bot": "demo"}).json()
    assert "Ada" in again["reply"]
    assert again["conversation_id"] == first.json()["conversation_id"]
    assert again["model"] == "demo/demo"
    assert set(again["usage"]) == {"prompt_tokens", "completion_tokens", "cost_usd"}


def test_a_conversation_is_started_continued_read_and_ended(http: Any) -> None:
    made = http.post("/api/v1/conversations/", json={"bot": "demo", "user": "u2"})
    assert made.status_code == 201
    body = made.json()
    assert (body["bot"], body["user"], body["status"]) == ("demo", "u2", "active")
    path = f"/api/v1/conversations/{body['id']}/"
    assert "demo model" in http.post(f"{path}messages/", json={"message": "hello"}).json()["reply"]
    assert [m["seq"] for m in http.get(f"{path}messages/").json()["results"]] == [1, 2]
    assert http.get("/api/v1/conversations/").json()["results"][0]["id"] == body["id"]
    answer = http.get(f"{path}messages/").json()["results"][1]["id"]
    assert http.post(f"/api/v1/messages/{answer}/feedback/", json={"value": 1}).status_code == 204
    assert http.post(f"{path}end/").json()["status"] == "ended"
    ended = http.post(f"{path}messages/", json={"message": "hello"})
    assert (ended.status_code, ended.json()["code"]) == (409, "conversation_ended")
    both = http.post("/api/v1/conversations/", json={"bot": "demo", "user": "u2", "message": "2+3"}).json()
    assert "5" in both["reply"]
    assert both["status"] == "active"


def test_an_event_stream_carries_the_websockets_frames(http: Any) -> None:
    made = http.post("/api/v1/conversations/", json={"bot": "demo", "user": "u3"}).json()
    url = f"/api/v1/conversations/{made['id']}/messages/"
    with http.stream("POST", url, json={"message": "hello"}, headers={"Accept": "text/event-stream"}) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in stream.iter_lines() if line]
    events = [line[7:] for line in lines if line.startswith("event: ")]
    frames = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    assert events == [frame["type"] for frame in frames]
    assert (events[0], events[-1]) == ("start", "message")
    assert "".join(f["text"] for f in frames if f["type"] == "delta").strip() == frames[-1]["text"]


def test_the_same_idempotency_key_makes_one_turn(http: Any) -> None:
    headers = {"Idempotency-Key": "k1"}
    body = {"message": "hello", "session": SESSION, "bot": "demo"}
    first = http.post("/api/v1/chat/", json=body, headers=headers).json()
    second = http.post("/api/v1/chat/", json=body, headers=headers).json()
    assert first == second
    assert Turn.objects.count() == 1
    other = http.post("/api/v1/chat/", json={**body, "message": "other"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    start = {"bot": "demo", "user": "u9", "message": "hi"}
    twice = [http.post("/api/v1/conversations/", json=start, headers={"Idempotency-Key": "k2"}).json() for _ in "ab"]
    assert twice[0] == twice[1]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"nonsense", b"[]", b"[" * 200_000, b'{"a":' * 5_000, b"\xff\xfe", b"null", b'{"message": NaN}',
        b'{"message": "a\\u0000b", "session": {"user_id": "u"}, "bot": "demo"}',
        b'{"message": "a\\ud800b", "session": {"user_id": "u"}, "bot": "demo"}',
        b'{"message": "", "session": {"user_id": "u"}, "bot": "demo"}',
        b'{"message": "   ", "session": {"user_id": "u"}, "bot": "demo"}',
        b'{"message": ["a"], "session": {"user_id": "u"}, "bot": "demo"}',
        b'{"message": "a", "session": [], "bot": "demo"}',
        b'{"message": "a", "session": {"user_id": {"a": 1}}, "bot": 5}',
        b'{"message": "' + b"x" * 9_000 + b'", "session": {"user_id": "u"}, "bot": "demo"}',
        b'{"message": "' + b"x" * 2_000_000 + b'", "session": {"user_id": "u"}, "bot": "demo"}',
    ],
)  # fmt: skip
def test_bad_bodies_get_a_problem_and_store_nothing(http: Any, body: bytes) -> None:
    answer = http.post("/api/v1/chat/", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 413)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    assert not Message.objects.exists()
    assert not Conversation.objects.exists()


def test_unknown_things_are_404_and_no_key_is_401(http: Any, address: str) -> None:
    body = {"message": "a", "session": SESSION, "bot": "nope"}
    assert http.post("/api/v1/chat/", json=body).status_code == 404
    assert http.get(f"/api/v1/conversations/{uuid.uuid4()}/").status_code == 404
    assert http.get("/api/v1/conversations/?cursor=a%00b").status_code == 400
    for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer"}, {"Authorization": "Basic x"}):
        answer = httpx2.get(f"{address}/api/v1/bots/", headers=header)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_another_keys_bots_and_workspaces_are_out_of_reach(http: Any, address: str) -> None:
    made = http.post("/api/v1/conversations/", json={"bot": "demo", "user": "u2"}).json()
    _key, text = ApiKey.issue(workspace=Workspace.objects.create(name="Other"), name="o", scopes=["chat", "read"])
    other = {"Authorization": f"Bearer {text}"}
    assert httpx2.get(f"{address}/api/v1/conversations/{made['id']}/", headers=other).status_code == 404
    assert httpx2.get(f"{address}/api/v1/bots/", headers=other).json()["results"] == []
    _key, reader = ApiKey.issue(workspace=Workspace.default(), name="r", scopes=["read"])
    body = {"message": "a", "session": SESSION, "bot": "demo"}
    refused = httpx2.post(f"{address}/api/v1/chat/", json=body, headers={"Authorization": f"Bearer {reader}"})
    assert refused.status_code == 403


def test_the_schema_and_its_page_are_served(address: str) -> None:
    schema = httpx2.get(f"{address}/api/schema/")
    assert schema.status_code == 200
    assert "/api/v1/chat/" in schema.text
    assert httpx2.get(f"{address}/api/docs/").status_code == 200
