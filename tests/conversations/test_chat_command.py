"""The terminal client: here, and against an installation elsewhere."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from channels_integrations.setup import Setup
from conversations.models import Conversation, Message

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]
ROOT = Path(__file__).resolve().parents[2]


def chat(*arguments: str) -> str:
    out = io.StringIO()
    call_command("chat", *arguments, stdout=out)
    return out.getvalue()


def test_it_answers_once_and_keeps_the_conversation(demo: Setup) -> None:
    chat("my name is Ada")
    assert "Ada" in chat("what is my name?")
    assert Conversation.objects.get().channel.kind == "terminal"
    assert chat("/status").count("\n") >= 1


def test_it_talks_to_another_installation(address: str, key: str) -> None:
    said = chat("what is 2 + 3?", "--url", address, "--key", key)
    assert said.strip() == Message.objects.get(role="assistant").text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("hello", "--bot", "nobody"), "there is no bot 'nobody'; there are: demo"),
        (("hello", "--url", "http://127.0.0.1:9"), "--url and --key go together"),
        (("hello", "--url", "http://127.0.0.1:9", "--key", "x"), "Cannot reach http://127.0.0.1:9"),
    ],
)
def test_what_cannot_be_done_is_one_line(demo: Setup, arguments: tuple[str, ...], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        chat(*arguments)


def test_a_wrong_key_is_told(address: str) -> None:
    with pytest.raises(CommandError, match="401: This API key is unknown"):
        chat("hello", "--url", address, "--key", "wrong")


def test_a_database_without_tables_is_told_without_a_trace(tmp_path: Path) -> None:
    environment = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite3",
        "SWITCHBOARD_ENV_FILE": "",
        "PATH": "/usr/bin",
    }
    command = [sys.executable, "manage.py", "chat", "hello"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "The database is not ready" in ended.stderr
    assert "Traceback" not in ended.stderr
