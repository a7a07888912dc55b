"""What `check` says of bad settings. Each check's id on a bad setting, and its silence on a good one: test_env.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.checks import CheckMessage, run_checks

from config.env import Environment, load

ROOT = Path(__file__).resolve().parents[2]


def found(check: str, **more: Any) -> list[CheckMessage]:
    return [message for message in run_checks(**more) if message.id == f"switchboard.{check}"]


@pytest.mark.parametrize(
    ("setting", "value", "check"),
    [
        ("ENVIRONMENT", Environment({"PORT": "x", "DEBUG": "x"}), "E001"),
        ("ENVIRONMENT", Environment({}, from_file=frozenset({"PROT"})), "W001"),
        ("FIELD_ENCRYPTION_KEYS", [], "W002"),
        ("FIELD_ENCRYPTION_KEYS", [Fernet.generate_key().decode(), "canary"], "E002"),
        ("DEFAULT_MODEL", "demo/", "E003"),
    ],
)
def test_every_fault_says_what_to_write_and_no_value(settings: Any, setting: str, value: Any, check: str) -> None:
    setattr(settings, setting, value)
    messages = found(check)
    assert messages
    for message in messages:
        assert message.is_serious() == check.startswith("E")
        assert message.hint
        assert "canary" not in str(message)


def test_of_two_keys_the_broken_one_is_named_by_its_place(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode(), "canary"]
    assert "key 2" in found("E002")[0].msg


@pytest.mark.parametrize("name", ["demo/demo", "openrouter/meta/llama"])
def test_a_model_with_its_provider_is_well_written(settings: Any, name: str) -> None:
    settings.DEFAULT_MODEL = name
    assert not found("E003")


def test_a_secret_key_is_missed_where_it_matters(settings: Any) -> None:
    settings.ENVIRONMENT = Environment({})
    assert not found("W004")
    assert found("W004", include_deployment_checks=True)
    settings.ENVIRONMENT = Environment({"SECRET_KEY": "x" * 50})
    assert not found("W004", include_deployment_checks=True)


def test_a_token_for_github_models_is_seen_in_the_file_too(settings: Any, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GITHUB_TOKEN=ghp_canary\n")
    settings.ENVIRONMENT = load(tmp_path / ".env")
    assert [message.id for message in found("W003") + found("W001")] == ["switchboard.W003"]
    assert "canary" not in str(found("W003"))


def check(**environment: str) -> tuple[int, str]:
    command = [sys.executable, "manage.py", "check"]
    environment = {**os.environ, "REDIS_URL": "", "DATABASE_URL": "", **environment}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    told = ended.stdout + ended.stderr
    assert "Traceback" not in told
    assert "geheim" not in told
    return ended.returncode, told


@pytest.mark.parametrize(
    "faults",
    [
        {
            "DATABASE_URL": ("mysql://me:geheim@db/x", "is no address of a PostgreSQL or SQLite database"),
            "REDIS_URL": ("http://:geheim@redis/0", "is no redis:// address"),
            "PUBLIC_URL": ("https://[bots.example", "has a host or port that is none"),
            "PORT": ("99999", "is above 65535"),
        },
        {
            "DATABASE_URL": ("postgres://me:geh/eim@db/x", "has a host or port that is none"),
            "REDIS_URL": ("redis://:geheim@redis:port/0", "has a host or port that is none"),
        },
    ],
)
def test_each_address_that_is_none_is_told_on_the_terminal(faults: dict[str, tuple[str, str]]) -> None:
    code, told = check(**{name: value for name, (value, _fault) in faults.items()})
    assert code == 1
    for name, (_value, fault) in faults.items():
        assert f"{name} {fault}." in told
    assert told.count("HINT: Write ") == len(faults)


def test_lines_of_the_file_that_set_nothing_are_told_by_their_number(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# note\nPORT = 8123\n\nSECRET_KEY geheim\n", encoding="utf-8")
    code, told = check(SWITCHBOARD_ENV_FILE=str(file))
    assert code == 1
    assert "Line 2 of .env is no NAME=value." in told
    assert "Line 4 of .env is no NAME=value." in told


def test_a_good_environment_is_no_fault() -> None:
    code, told = check(DATABASE_URL="postgres://me:geheim@db:5432/x", REDIS_URL="redis://:geheim@redis:6379/0")
    assert (code, "no issues" in told) == (0, True)
