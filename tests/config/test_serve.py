"""The real process: what becomes of an answer when it is told to go, or killed, in the middle of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.fakes.model_server import ModelServer, Reply

ROOT = Path(__file__).resolve().parent.parent.parent
SLOW = Reply(text=" ".join(f"word{n}" for n in range(60)), pause=0.05)  # three seconds


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


class Installation:
    """A database of its own, and processes over it."""

    def __init__(self, folder: Path, model: ModelServer) -> None:
        self.file = folder / "db.sqlite3"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.environment = {
            **os.environ, "DATABASE_URL": f"sqlite:///{self.file}", "REDIS_URL": "", "PORT": str(self.port),
            "OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": model.base_url, "DEFAULT_MODEL": "openai/fake-small",
            "LEASE_SECONDS": "2", "SWEEP_SECONDS": "1",
        }  # fmt: skip

    @contextmanager
    def serving(self, stderr: Any = None, **more: str) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "manage.py", "serve", "--prepare"]
        process = subprocess.Popen(
            command, cwd=ROOT, env={**self.environment, **more}, stdout=subprocess.DEVNULL, stderr=stderr
        )
        try:
            until(lambda: self.answers(process), 40)
            yield process
        finally:
            process.kill()
            process.wait()

    def answers(self, process: subprocess.Popen[bytes]) -> bool:
        assert process.poll() is None
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    @contextmanager
    def said(self, text: str) -> Iterator[ClientConnection]:
        """A socket whose message was taken and whose answer has begun."""
        with connect(f"ws://127.0.0.1:{self.port}/ws/chat/demo/") as chat:
            chat.send(json.dumps({"type": "hello"}))
            chat.send(json.dumps({"type": "message", "id": "m1", "text": text}))
            while json.loads(chat.recv(10))["type"] != "delta":
                pass
            yield chat

    def rows(self, query: str) -> list[Any]:
        with sqlite3.connect(self.file, timeout=10) as database:
            return database.execute(query).fetchall()

    def replies(self) -> list[str]:
        return [row[0] for row in self.rows("SELECT text FROM conversations_message WHERE role = 'assistant'")]

    def turn(self) -> Any:
        return self.rows("SELECT state, attempts FROM conversations_turn")[0]


@pytest.fixture
def installation(tmp_path: Path, model: ModelServer) -> Installation:
    return Installation(tmp_path, model)


def until(holds: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def closing_code(chat: ClientConnection) -> int | None:
    try:
        while True:
            chat.recv(5)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None


def test_told_to_go_it_finishes_its_answer(installation: Installation, model: ModelServer) -> None:
    model.script(SLOW)
    with installation.serving() as process:
        with installation.said("hello") as chat:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == -signal.SIGTERM
            assert closing_code(chat) == 1012
        assert installation.replies() == [SLOW.text]


def test_what_it_cannot_finish_it_hands_back_and_the_next_one_answers_it_once(
    installation: Installation, model: ModelServer
) -> None:
    model.script(SLOW)
    with installation.serving(DRAIN_SECONDS="1") as process:
        with installation.said("hello"):
            pass
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        assert time.monotonic() - began < 8
        assert (installation.turn(), installation.replies()) == (("queued", 0), [])
    with installation.serving():
        until(lambda: bool(installation.replies()), 20)
        assert installation.replies() == ["echo: hello"]
        assert installation.turn() == ("done", 1)


def test_killed_between_claim_and_close_the_next_one_answers_once(
    installation: Installation, model: ModelServer
) -> None:
    model.script(SLOW)
    with installation.serving() as process:
        with installation.said("hello"):
            pass
        process.kill()
        process.wait()
        assert (installation.turn(), installation.replies()) == (("running", 1), [])
    with installation.serving():
        until(lambda: bool(installation.replies()), 20)
        time.sleep(2.5)  # longer than the lease, and two sweeps: time for a second answer, were there one
        assert installation.replies() == ["echo: hello"]
        assert installation.turn() == ("done", 2)


def test_a_port_in_use_is_told_in_one_line(installation: Installation) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", installation.port))
        taken.listen()
        command = [sys.executable, "manage.py", "serve", "--prepare"]
        ended = subprocess.run(command, cwd=ROOT, env=installation.environment, capture_output=True, text=True)
    assert ended.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{installation.port}" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr
