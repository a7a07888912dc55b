"""Who may read the metrics, and that they are told whatever becomes of the database."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from bots.remember import forget
from conversations import metrics
from tests.config.test_worker import broker, database, until
from tests.product import free_port, serve

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("here", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
@pytest.mark.embedded
def test_this_machine_may_read_them(client: Client, here: str) -> None:
    answer = client.get("/metrics", REMOTE_ADDR=here)
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain")
    assert b"switchboard_database_up 1.0" in answer.content


@pytest.mark.parametrize(
    "more",
    [
        {"REMOTE_ADDR": "10.0.0.7"}, {"REMOTE_ADDR": "::ffff:10.0.0.7"}, {"REMOTE_ADDR": ""}, {"HTTP_VIA": "1.1 proxy"},
        {"HTTP_X_FORWARDED_FOR": "127.0.0.1"}, {"HTTP_FORWARDED": "for=127.0.0.1"}, {"HTTP_X_REAL_IP": "127.0.0.1"},
    ],
)  # fmt: skip
def test_nobody_else_may_and_a_proxy_on_this_machine_is_somebody_else(client: Client, more: Any) -> None:
    answer = client.get("/metrics", **more)
    assert answer.status_code == 403
    assert b"METRICS_TOKEN" in answer.content
    assert b"switchboard_" not in answer.content


@pytest.mark.embedded
def test_with_a_token_who_knows_it_may_from_anywhere(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "canary-token"
    away = {"REMOTE_ADDR": "10.0.0.7", "HTTP_X_FORWARDED_FOR": "10.0.0.9"}
    assert client.get("/metrics", **away, HTTP_AUTHORIZATION="Bearer canary-token").status_code == 200  # type: ignore[arg-type]
    for wrong in ("", "Bearer", "Bearer wrong", "Basic canary-token", "Bearer cänary"):
        answer = client.get("/metrics", HTTP_AUTHORIZATION=wrong)
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
        assert b"canary" not in answer.content


def test_without_a_database_the_process_tells_what_it_knows_itself(tmp_path: Path) -> None:
    file = tmp_path / "db.sqlite3"
    with serve(DATABASE_URL=f"sqlite:///{file}") as product:
        file.unlink()
        file.mkdir()  # what cannot be opened
        with urllib.request.urlopen(f"{product.address}/metrics", timeout=20) as answer:  # noqa: S310
            told = answer.read().decode()
    assert "switchboard_database_up 0.0" in told
    assert "switchboard_fenced_writes_total 0.0" in told
    assert "switchboard_overdue_seconds" not in told


def test_a_locked_table_holds_no_scrape_up_for_long(client: Client) -> None:
    forget()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE conversations_turn IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        told = client.get("/metrics").content.decode()
        assert time.monotonic() - began < 30  # a scrape that waited for the lock would never end
    assert "switchboard_database_up 0.0" in told
    assert "switchboard_database_up 1.0" in client.get("/metrics").content.decode()


def test_an_error_that_nobody_knows_is_another() -> None:
    metrics.model_called(bot="demo", model="odd/model", usage=None, nanodollars=None, error="what a server said")
    found = {sample.labels["error"] for family in metrics.PROVIDER_ERRORS.collect() for sample in family.samples
             if sample.labels["provider"] == "odd"}  # fmt: skip
    assert found == {"other"}


def test_a_worker_tells_its_own_at_a_port_and_a_port_in_use_is_told_in_one_line() -> None:
    port = free_port()
    variables = {
        **os.environ, "DATABASE_URL": database(), "CELERY_BROKER_URL": broker(), "METRICS_PORT": str(port),
    }  # fmt: skip
    command = [sys.executable, "manage.py", "worker"]
    worker = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: answers(f"http://127.0.0.1:{port}/metrics"), 60)
        second = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60)
    finally:
        worker.terminate()
        worker.wait(40)
    assert second.returncode == 1
    assert f"Cannot tell metrics at 127.0.0.1:{port}" in second.stderr
    assert "Traceback" not in second.stderr


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  our own worker
            return b"switchboard_database_up 1.0" in answer.read()
    except OSError:
        return False
