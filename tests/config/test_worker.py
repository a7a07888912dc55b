"""A real worker on a real broker: what the web process stored is read, answered and sent by it alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import redis
from django.conf import settings
from django.db import connection

from bots import environment
from channels_integrations.setup import Setup
from conversations import events
from conversations.models import Message, Turn
from tests.conversations.conftest import address, demo, hook, key, receiver
from tests.fakes.model_server import ModelServer, Reply
from tests.fakes.webhook_receiver import Receiver

__all__ = ["address", "demo", "hook", "key", "receiver"]
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not settings.REDIS_URL, reason="there is no broker"),
]
ROOT = Path(__file__).resolve().parents[2]
SWEEP_NEVER = {"SWEEP_SECONDS": "600", "PRIVATE_NETWORKS": "127.0.0.0/8"}


def broker() -> str:
    return f"{settings.REDIS_URL.rpartition('/')[0]}/1"


def database() -> str:
    row = connection.settings_dict
    credentials = f"{quote(row['USER'])}:{quote(row['PASSWORD'])}@" if row["USER"] else ""
    return f"postgres://{credentials}{quote(row['HOST'] or 'localhost', safe='')}:{row['PORT']}/{row['NAME']}"


def start(*arguments: str, **more: str) -> subprocess.Popen[str]:
    variables = {**os.environ, "DATABASE_URL": database(), "CELERY_BROKER_URL": broker(), **SWEEP_NEVER, **more}
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=variables, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


@contextmanager
def worker(**more: str) -> Iterator[subprocess.Popen[str]]:
    process = start("worker", **more)
    try:
        from config.celery import app

        app.conf.update(broker_url=broker())
        until(lambda: app.control.ping(timeout=0.5), 40)
        yield process
    finally:
        process.kill()
        process.communicate()


def until(holds: Any, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def ring(hook: Setup, text: str) -> None:
    from config.celery import app

    body = {"id": text, "chat_id": text, "sender_id": "p", "text": text}
    events.store(hook.channel_id, json.dumps(body).encode())
    app.send_task("conversations.tasks.ring_channel", args=(str(hook.channel_id),))


def test_it_reads_answers_and_sends_and_finishes_at_sigterm(hook: Setup, receiver: Receiver) -> None:
    environment.sync()
    with worker() as process:
        for number in range(5):
            ring(hook, f"{number} + 1")
        until(lambda: len(receiver.taken()) == 5, 20)
        ring(hook, "show me Markdown")
        until(lambda: Turn.objects.filter(state="running").exists(), 10)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert "That was all." in Message.objects.filter(role="assistant").latest("created_at").text


def test_it_hands_back_what_it_cannot_finish(hook: Setup) -> None:
    account = {"OPENAI_API_KEY": "sk-test", "DEFAULT_MODEL": "openai/fake-small"}
    with ModelServer() as model, worker(DRAIN_SECONDS="1", OPENAI_BASE_URL=model.base_url, **account) as process:
        model.script(Reply(text="slow", hang=20))
        ring(hook, "hello")
        until(lambda: model.requests, 10)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        assert time.monotonic() - began < 15
    turn = Turn.objects.get()
    assert (turn.state, turn.attempts) == ("queued", 0)


def test_a_broker_that_evicts_is_refused() -> None:
    client = redis.Redis.from_url(broker())
    client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        process = start("worker")
        told, _nothing = process.communicate(timeout=60)
    finally:
        client.config_set("maxmemory-policy", "noeviction")
        client.close()
    assert process.returncode == 1
    assert "allkeys-lru" in told
    assert "noeviction" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(("url", "told"), [("", "is not set"), ("redis://127.0.0.1:9/1", "Cannot reach the broker"),
                                           ("amqp://guest@127.0.0.1:9//", "Cannot reach the broker")])  # fmt: skip
def test_without_a_broker_it_says_so_in_one_line(url: str, told: str) -> None:
    process = start("worker", CELERY_BROKER_URL=url)
    text, _nothing = process.communicate(timeout=60)
    assert process.returncode == 1
    assert told in text
    assert "Traceback" not in text


def test_read_events_are_forgotten_after_a_week(hook: Setup) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from channels_integrations.models import RawEvent

    for number, (state, days) in enumerate([("done", 8), ("done", 6), ("dead", 8), ("new", 8)]):
        RawEvent.objects.create(
            channel_id=hook.channel_id, sha256=str(number), body=b"x", state=state,
            received_at=timezone.now() - timedelta(days=days),
        )  # fmt: skip
    assert events.purge() == 1
    assert RawEvent.objects.count() == 3
