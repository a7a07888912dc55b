"""Logs: a JSON line an event, with the names to follow it by; never what people wrote, never what opens doors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from config.logging import redact
from tests.config.test_serve import Installation, until
from tests.fakes.model_server import ModelServer, Reply

ROOT = Path(__file__).resolve().parents[2]
TEXT, KEY, REPLY = "canary-of-a-person-8812", "sk-canary-5519", "canary-of-a-model-2203"


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        ({"text": "hello", "prompt": "x", "api_key": "k"}, {"text": "***", "prompt": "***", "api_key": "***"}),
        ({"event": "sent sk-abcdefgh1234"}, {"event": "sent ***"}),
        ({"url": "https://api.telegram.org/bot123:AAE-x/send"}, {"url": "https://api.telegram.org/bot***/send"}),
        ({"url": "postgres://me:geheim@db/x"}, {"url": "postgres://***@db/x"}),
        ({"header": "Bearer abc.def"}, {"header": "Bearer ***"}),
        ({"turn_id": "01", "state": "done"}, {"turn_id": "01", "state": "done"}),
        ({"request": "<ASGIRequest: GET '/x?name=Ada'>"}, {}),
    ],
)
def test_what_is_private_is_starred(event: dict[str, Any], shown: dict[str, Any]) -> None:
    assert redact(None, "", event) == shown


def test_a_whole_conversation_leaves_its_ids_and_no_canary(tmp_path: Path) -> None:
    with ModelServer() as model:
        model.script(Reply(text=REPLY), Reply(status=500, body={"error": {"message": TEXT}}))
        installation = Installation(tmp_path, model)
        installation.environment |= {"OPENAI_API_KEY": KEY, "LOG_FORMAT": "json", "LOG_LEVEL": "DEBUG"}
        log = tmp_path / "log"
        with log.open("wb") as sink, installation.serving(stderr=sink):
            with installation.said(TEXT):
                pass
            until(lambda: len(installation.replies()) == 1, 20)
            key = subprocess.run(
                [sys.executable, "manage.py", "create_api_key", "k"],
                cwd=ROOT, env=os.environ | installation.environment, capture_output=True, text=True,
            ).stdout.strip()  # fmt: skip
            ask(installation.port, key, {"message": TEXT, "session": {"user_id": "u"}, "bot": "demo"})
            ask(installation.port, key, {"message": [TEXT]}, query=f"?q={TEXT}")
    written = log.read_text()
    lines = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
    assert all(secret not in written for secret in (TEXT, KEY, REPLY, key))
    closed = [line for line in lines if line["event"] == "turn_closed"]
    assert len(closed) == 2
    assert all(line["conversation_id"] and line["turn_id"] and line["correlation_id"] for line in closed)
    assert {line["correlation_id"] for line in lines if line["event"] == "request"} >= {"my-own-name"}


def ask(port: int, key: str, body: dict[str, Any], query: str = "") -> None:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "X-Request-ID": "my-own-name"}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/chat/{query}", data=json.dumps(body).encode(), headers=headers
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  our own server
            assert answer.headers["X-Request-ID"] == "my-own-name"
    except urllib.error.HTTPError as error:
        assert error.code in (400, 502)
