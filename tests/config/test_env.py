"""Environment variables: every name known, every fault told by name with its mend, no value repeated."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from config import reference
from config.env import VARIABLES, Environment, load

ROOT = Path(__file__).resolve().parents[2]
PROMISED = """
SECRET_KEY DEBUG ALLOWED_HOSTS CSRF_TRUSTED_ORIGINS PUBLIC_URL PORT DATABASE_URL DATABASE_REPLICA_URL REDIS_URL
CELERY_BROKER_URL FIELD_ENCRYPTION_KEYS DEFAULT_MODEL SESSION_TTL_SECONDS RATE_LIMIT_PER_MINUTE LOG_LEVEL LOG_FORMAT
SENTRY_DSN OTEL_EXPORTER_OTLP_ENDPOINT EMAIL_URL EXTRA_APPS OPENAI_API_KEY OPENAI_BASE_URL TELEGRAM_BOT_TOKEN
DISCORD_BOT_TOKEN SLACK_BOT_TOKEN SLACK_SIGNING_SECRET WHATSAPP_TOKEN WHATSAPP_PHONE_NUMBER_ID META_APP_SECRET
META_VERIFY_TOKEN MESSENGER_PAGE_TOKEN WEATHER_API_KEY TELEGRAM_API_BASE_URL DISCORD_API_BASE_URL DISCORD_GATEWAY_URL
SLACK_API_BASE_URL META_GRAPH_BASE_URL OPEN_METEO_BASE_URL OPEN_METEO_GEOCODING_URL WEATHER_API_BASE_URL
CURRENCY_API_BASE_URL TRUSTED_PROXIES""".split()


def test_every_promised_name_is_known() -> None:
    assert set(PROMISED) <= {variable.name for variable in VARIABLES}


def test_nothing_set_is_no_fault() -> None:
    environment = Environment({})
    assert environment.faults == []
    assert all(environment[variable.name] == variable.default for variable in VARIABLES)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "canary"), ("PORT", "canary"), ("PORT", "-1"), ("PORT", "0"), ("REDIS_URL", "canary"),
        ("DATABASE_URL", "ca nary://x"), ("LOG_FORMAT", "canary"), ("LOG_LEVEL", "canary"), ("LEASE_SECONDS", "1.5"),
        ("PRIVATE_NETWORKS", "10.0.0.0/8,canary"), ("RATE_LIMIT_PER_MINUTE", "-5"),
    ],
)  # fmt: skip
def test_a_fault_names_the_variable_and_the_mend_and_leaves_the_default(name: str, value: str) -> None:
    environment = Environment({name: value})
    fault = environment.faults[0]
    assert fault.name == name
    assert fault.reason
    assert fault.mend.startswith("write ")
    assert "canary" not in f"{fault.reason}{fault.mend}"
    assert environment[name] == next(variable.default for variable in VARIABLES if variable.name == name)


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("DEBUG", "Yes", True), ("DEBUG", "off", False), ("PORT", " 8001 ", 8001), ("PORT", "", 8000),
        ("ALLOWED_HOSTS", "a.example, b.example,", ["a.example", "b.example"]), ("LOG_LEVEL", "debug", "DEBUG"),
        ("PRIVATE_NETWORKS", "10.0.0.0/8, ::1", ["10.0.0.0/8", "::1/128"]),
    ],
)  # fmt: skip
def test_values_are_read_as_their_kind(name: str, value: str, read: object) -> None:
    assert Environment({name: value})[name] == read


def test_a_file_is_read_without_touching_this_process_and_unknown_names_are_told(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# note\nPORT=8123\nexport LOG_LEVEL='ERROR'\nPROT=1\n")
    before = dict(os.environ)
    environment = load(file)
    assert (environment["PORT"], environment.unknown) == (8123, ["PROT"])
    assert dict(os.environ) == before


def test_the_pages_made_from_the_table_are_up_to_date() -> None:
    assert (ROOT / ".env.example").read_text() == reference.example()
    assert (ROOT / "docs/configuration.md").read_text() == reference.page()
    assert all(variable.help for variable in VARIABLES)


def found(**settings: object) -> set[str]:
    with override_settings(**settings):
        return {str(message.id) for message in run_checks()}


@pytest.mark.parametrize(
    ("settings", "check"),
    [
        ({"ENVIRONMENT": Environment({"PORT": "x"})}, "switchboard.E001"),
        ({"ENVIRONMENT": Environment({"PROT": "1"}, from_file=frozenset({"PROT"}))}, "switchboard.W001"),
        ({"FIELD_ENCRYPTION_KEYS": []}, "switchboard.W002"),
        ({"FIELD_ENCRYPTION_KEYS": ["short"]}, "switchboard.E002"),
        ({"DEFAULT_MODEL": "gpt"}, "switchboard.E003"),
        ({"DEFAULT_MODEL": "/x"}, "switchboard.E003"),
    ],
)
def test_a_bad_setting_is_a_failed_check(settings: dict[str, object], check: str) -> None:
    assert check in found(**settings)
    assert check not in found()


def test_a_token_for_github_models_is_told_that_these_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "switchboard.W003" not in found()
    monkeypatch.setenv("GITHUB_TOKEN", "x")
    assert "switchboard.W003" in found()


def test_check_tells_the_name_and_the_mend_on_the_terminal() -> None:
    environment = {**os.environ, "PORT": "abc"}
    ended = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert ended.returncode == 1
    assert "PORT is no whole number" in ended.stderr
    assert "Write a number such as 8000" in ended.stderr
    assert "Traceback" not in ended.stderr
