"""`/health`, `/ready` and `doctor`: what is wrong is named, with what to do, and no password is told."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from bots import environment
from bots.models import AIProvider
from bots.remember import forget
from config import stores
from config.stores import StoreAway
from tests.fakes.model_server import ModelServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]
ROOT = Path(__file__).resolve().parents[2]
AWAY = {"DATABASE_URL": "postgres://u:geheim@127.0.0.1:9/x", "REDIS_URL": "redis://:geheim@127.0.0.1:9/0"}


@pytest.fixture(autouse=True)
def demo_models(transactional_db: None) -> None:
    environment.sync()


def away() -> None:
    raise StoreAway("Cannot reach it. Check THE_URL.")


def ready(client: Client) -> tuple[int, dict[str, Any]]:
    answer = client.get("/ready")
    body = answer.json()
    assert all(set(check) == {"ok", "ms", "detail"} for check in body["checks"].values())
    return answer.status_code, body


def test_all_is_well(client: Client) -> None:
    assert client.get("/health").status_code == 200
    status, body = ready(client)
    assert (status, body["status"]) == (200, "ok")
    assert {"database", "migrations", "model"} <= set(body["checks"])


def test_without_a_database_it_is_alive_and_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "ask_database", away)
    assert client.get("/health").status_code == 200
    status, body = ready(client)
    assert (status, body["status"], body["checks"]["database"]["detail"]) == (
        503,
        "down",
        "Cannot reach it. Check THE_URL.",
    )


def test_without_redis_it_is_degraded(client: Client, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    assert ready(client)[0] == 200
    assert ready(client)[1]["status"] == "degraded"


def test_a_default_model_that_is_none_is_not_ready(client: Client, settings: Any) -> None:
    settings.DEFAULT_MODEL = "demo/nothing"
    forget()
    status, body = ready(client)
    assert status == 503
    assert "demo/nothing" in body["checks"]["model"]["detail"]


def doctor() -> list[dict[str, Any]]:
    out = io.StringIO()
    try:
        call_command("doctor", "--json", stdout=out)
    except CommandError as error:
        assert error.returncode == 1
    findings: list[dict[str, Any]] = json.loads(out.getvalue())
    assert all(set(finding) == {"check", "ok", "message", "mend"} for finding in findings)
    return findings


def test_doctor_asks_every_provider() -> None:
    with ModelServer() as server:
        AIProvider.objects.create(slug="good", name="Good", base_url=server.base_url)
        AIProvider.objects.create(slug="dead", name="Dead", base_url="http://127.0.0.1:9/v1")
        AIProvider.objects.create(slug="page", name="Page", base_url=server.base_url + "/nowhere")
        findings = {finding["check"]: finding for finding in doctor()}
    assert "3 models" in findings["provider good"]["message"]
    for name in ("provider dead", "provider page"):
        assert not findings[name]["ok"]
        assert findings[name]["mend"].startswith("Check its address")
    assert all(finding["ok"] for name, finding in findings.items() if name not in ("provider dead", "provider page"))


def run(*arguments: str) -> tuple[float, subprocess.CompletedProcess[str]]:
    began = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env={**os.environ, **AWAY}, capture_output=True, text=True
    )
    assert "geheim" not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    return time.monotonic() - began, ended


def test_serve_without_its_store_ends_with_one_clear_line() -> None:
    took, ended = run("serve")
    assert ended.returncode == 1
    assert took < 20
    assert len(ended.stderr.strip().splitlines()) == 1
    assert "Cannot reach the database at 127.0.0.1:9/x" in ended.stderr
    assert "DATABASE_URL" in ended.stderr


def test_doctor_without_stores_names_each() -> None:
    _took, ended = run("doctor")
    assert ended.returncode == 1
    assert "FAIL  database: Cannot reach the database at 127.0.0.1:9/x" in ended.stdout
    assert "FAIL  redis: Cannot reach Redis at 127.0.0.1:9" in ended.stdout
    assert "Check DATABASE_URL." in ended.stdout
