"""`manage.py run_gateway` as a process of its own: it says what it cannot do, listens, tells its health, and ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from tests.fakes.telegram_server import TOKEN, TelegramServer

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def telegram() -> Iterator[TelegramServer]:
    with TelegramServer() as server:
        yield server


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, telegram: TelegramServer) -> Mapping[str, str]:
    """Of an installation with the demo bot, and a Telegram bot that the environment gives."""
    given = {
        **os.environ, "DATABASE_URL": f"sqlite:///{tmp_path_factory.mktemp('gateway')}/db.sqlite3", "REDIS_URL": "",
        "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(), "GATEWAY_SECONDS": "1", "SWEEP_SECONDS": "1",
        "TELEGRAM_API_BASE_URL": telegram.origin, "TELEGRAM_BOT_TOKEN": TOKEN,
    }  # fmt: skip
    assert run(given, "migrate", "--verbosity", "0").returncode == 0
    assert run(given, "seed_demo").returncode == 0
    return given


def run(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True, timeout=60)


def until(holds: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def test_an_unknown_platform_is_named_with_those_that_exist(environment: Mapping[str, str]) -> None:
    done = run(environment, "run_gateway", "telegram", "telegraph")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "'telegraph' is no platform that is listened to. There are: discord, telegram." in done.stderr


def test_without_a_database_it_says_so_in_one_line(environment: Mapping[str, str]) -> None:
    nowhere = {**environment, "DATABASE_URL": "postgres://nobody@127.0.0.1:9/none"}
    done = run(nowhere, "run_gateway")
    assert done.returncode == 1 and "Traceback" not in done.stderr and "database" in done.stderr.lower()


def test_it_listens_tells_its_health_and_ends_within_seconds(
    environment: Mapping[str, str], telegram: TelegramServer
) -> None:
    before = run(environment, "run_gateway", "--healthy")
    assert before.returncode == 1 and "No gateway of this machine is alive." in before.stderr
    command = [sys.executable, "manage.py", "run_gateway", "telegram"]
    gateway = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: telegram.called("getUpdates") or gateway.poll() is not None)
        telegram.bot.say("what is 6 * 7?")
        until(lambda: any("42" in text for text in telegram.bot.texts()))
        healthy = run(environment, "run_gateway", "--healthy")
        assert (healthy.returncode, healthy.stdout.strip()) == (0, "alive")
        began = time.monotonic()
        gateway.send_signal(signal.SIGTERM)  # while it waits for Telegram's next word
        assert gateway.wait(20) == 0
        assert time.monotonic() - began < 8
    finally:
        gateway.kill()
        _nothing, told = gateway.communicate()
    assert "Traceback" not in told
    assert run(environment, "run_gateway", "--healthy").returncode == 1  # others may listen at once
