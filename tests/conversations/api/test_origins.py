"""Pages elsewhere call the API with keys that name their origin; programs are not asked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from bots.models.workspace import check_origins
from bots.remember import forget
from tests.conversations.api.conftest import Program

pytestmark = pytest.mark.django_db(transaction=True)
APP, OTHER = "https://app.example", "https://other.example"
CHAT = {"message": "hello", "session": {"user_id": "u"}, "bot": "demo"}


def asked(address: str, origin: str, path: str = "/api/v1/chat/", **headers: str) -> httpx2.Response:
    """A preflight, as a browser sends it before a call with a key."""
    told = {"Origin": origin, "Access-Control-Request-Method": "POST", **headers}
    return httpx2.options(f"{address}{path}", headers=told)


def test_a_preflight_is_answered_for_an_origin_that_a_live_key_names(address: str, program: Program) -> None:
    program("chat", allowed_origins=[APP, "http://127.0.0.1:3000"])
    for path in ("/api/v1/chat/", "/v1/chat/completions"):
        wanted = {"Access-Control-Request-Headers": "authorization,content-type,x-stainless-os"}
        answer = asked(address, APP, path, **wanted)
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == APP
        assert answer.headers["access-control-allow-headers"] == wanted["Access-Control-Request-Headers"]
        assert "PATCH" in answer.headers["access-control-allow-methods"]
        assert "Origin" in answer.headers["vary"]
        assert "access-control-allow-credentials" not in answer.headers
    for stranger in (OTHER, "null", "https://app.example.evil.example", "https://APP.example", "http://app.example"):
        assert "access-control-allow-origin" not in asked(address, stranger).headers, stranger
    assert "access-control-allow-origin" not in asked(address, APP, "/health").headers


def test_keys_that_are_revoked_or_expired_name_nobody(address: str, program: Program) -> None:
    program("chat", allowed_origins=[APP], revoked_at=timezone.now())
    program("chat", allowed_origins=[APP], expires_at=timezone.now() - timedelta(days=1))
    assert "access-control-allow-origin" not in asked(address, APP).headers


def test_only_the_key_that_names_the_origin_may_be_used_there(address: str, program: Program) -> None:
    named, unnamed = program("chat", "read", allowed_origins=[APP]), program("chat", "read")
    for path, body in (
        ("/api/v1/chat/", CHAT),
        ("/v1/chat/completions", {"model": "demo", "messages": [{"role": "user", "content": "hello"}]}),
    ):
        good = named.post(path, json=body, headers={"Origin": APP})
        assert (good.status_code, good.headers["access-control-allow-origin"]) == (200, APP)
        for client, origin in ((named, OTHER), (unnamed, APP), (named, "null")):
            refused = client.post(path, json=body, headers={"Origin": origin})
            assert refused.status_code == 403, (path, origin)
            assert "access-control-allow-origin" not in refused.headers
            assert "origin_not_allowed" in refused.text
        for client in (named, unnamed):
            assert client.post(path, json=body).status_code == 200
            assert "access-control-allow-origin" not in client.post(path, json=body).headers
            assert client.post(path, json=body, headers={"Origin": address}).status_code == 200
    problem = unnamed.get("/api/v1/bots/", headers={"Origin": APP})
    assert problem.headers["content-type"] == "application/problem+json"


def test_faults_and_streams_can_be_read_by_the_page_too(program: Program) -> None:
    client = program("chat", "read", allowed_origins=[APP])
    missing = client.get("/api/v1/bots/none/", headers={"Origin": APP})
    assert (missing.status_code, missing.headers["access-control-allow-origin"]) == (404, APP)
    accept = {"Origin": APP, "Accept": "text/event-stream"}
    with client.stream("POST", "/api/v1/chat/", json=CHAT, headers=accept) as stream:
        assert stream.headers["access-control-allow-origin"] == APP
        assert "event: message" in "\n".join(stream.iter_lines())


def test_a_wrong_key_tells_a_page_nothing(address: str, program: Program) -> None:
    program("chat", allowed_origins=[APP])
    answer = httpx2.get(f"{address}/api/v1/bots/", headers={"Origin": APP, "Authorization": "Bearer sb_x.y"})
    assert answer.status_code == 401
    assert "access-control-allow-origin" not in answer.headers


def test_our_own_pages_are_known_by_the_public_address_too(program: Program, settings: Any) -> None:
    settings.PUBLIC_URL = "https://bots.example"
    client = program("read")
    assert client.get("/api/v1/bots/", headers={"Origin": "https://bots.example"}).status_code == 200
    assert client.get("/api/v1/bots/", headers={"Origin": "http://bots.example"}).status_code == 403


def test_a_named_origin_is_known_within_seconds(address: str, program: Program) -> None:
    assert "access-control-allow-origin" not in asked(address, APP).headers
    program("chat", allowed_origins=[APP])
    forget()
    assert asked(address, APP).headers["access-control-allow-origin"] == APP


@pytest.mark.parametrize("good", ["https://app.example", "http://localhost:3000", "http://[::1]:8080", "https://a-b.c"])
def test_an_origin_is_taken_as_browsers_send_it(good: str) -> None:
    check_origins([good])


@pytest.mark.parametrize(
    "bad",
    [
        "*", "null", "app.example", "https://app.example/", "https://app.example/x", "https://App.example", "",
        "https://*.example", "ftp://app.example", "https://app.example:443", "http://app.example:80", 5, None,
        "https://user@app.example", "https://app.example\n", "https://app..example", "https://app.example:123456",
    ],
)  # fmt: skip
def test_what_no_browser_sends_is_no_origin(bad: Any) -> None:
    with pytest.raises(ValidationError):
        check_origins([bad])
