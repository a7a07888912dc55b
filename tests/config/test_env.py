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
        ("DEBUG", "canary"), ("PORT", "canary"), ("PORT", "-1"), ("PORT", "0"), ("PORT", "65536"),
        ("REDIS_URL", "canary"), ("REDIS_URL", "redis://:canary@redis:canary/0"), ("PUBLIC_URL", "https://[canary"),
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
        ("DATABASE_URL", "sqlite://:memory:", "sqlite://:memory:"),
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


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("PORT=8123\nLEASE_SECONDS=7\n")
    monkeypatch.setenv("PORT", "9000")
    monkeypatch.delenv("LEASE_SECONDS", raising=False)
    environment = load(tmp_path / ".env")
    assert (environment["PORT"], environment["LEASE_SECONDS"]) == (9000, 7)


def test_other_programs_names_are_unknown_in_the_file_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROT", "1")
    assert load(None).unknown == []
    (tmp_path / ".env").write_text("POSTGRES_PASSWORD=x\nGITHUB_TOKEN=x\n")
    assert load(tmp_path / ".env").unknown == []
    assert load(tmp_path / "missing").faults == []


@pytest.mark.parametrize(
    "text", ["\ufeffPORT=8123", "PORT=8123\r\n# ü\r\n", "  PORT=8123  ", "export PORT='8123'", 'PORT="8123"']
)
def test_a_file_from_any_editor_is_read(tmp_path: Path, text: str) -> None:
    (tmp_path / ".env").write_text(text, encoding="utf-8", newline="")
    environment = load(tmp_path / ".env")
    assert (environment["PORT"], environment.faults) == (8123, [])


@pytest.mark.parametrize(
    ("line", "faulty"),
    [
        ("SECRET_KEY=abc # mine", True), ("PORT=  # the door", True), ("OPENAI_API_KEY=# none", True),
        ("SECRET_KEY='abc # mine'", False), ("SECRET_KEY=abc#mine", False), ("# PORT=1 # note", False),
    ],
)  # fmt: skip
def test_a_comment_behind_a_value_is_told(tmp_path: Path, line: str, faulty: bool) -> None:
    (tmp_path / ".env").write_text(f"\n{line}\n")
    assert ("Line 2 of .env" in {fault.name for fault in load(tmp_path / ".env").faults}) == faulty


def test_a_file_in_no_encoding_of_ours_is_a_fault_and_no_crash(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("PORT=8123".encode("utf-16"))
    assert [fault.name for fault in load(tmp_path / ".env").faults] == ["Line 1 of .env"]


def test_the_example_with_everything_uncommented_is_no_fault(tmp_path: Path) -> None:
    lines = [line.removeprefix("#") for line in reference.example().splitlines() if not line.startswith("# ")]
    (tmp_path / ".env").write_text("\n".join(lines))
    environment = load(tmp_path / ".env")
    assert (environment.faults, environment.unknown, len([line for line in lines if line])) == ([], [], len(VARIABLES))
    for variable in VARIABLES:
        assert environment[variable.name] == variable.default or variable.name in os.environ, variable.name


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
