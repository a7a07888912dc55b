"""What staff change on a page of one process is in force in all others within five seconds, without a restart."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from websockets.sync.client import connect

from bots import environment
from bots.models import AIModel, ApiKey, Bot, Workspace
from channels_integrations.setup import Setup
from tests.config.test_worker import broker, database, until
from tests.conversations.conftest import demo, hook, receiver
from tests.fakes.webhook_receiver import Receiver, signed
from tests.product import answering, ended, free_port
from tests.staff_browser import StaffBrowser

__all__ = ["demo", "hook", "receiver"]
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(settings.EMBEDDED or not settings.REDIS_URL, reason="there is but one process"),
]
ROOT = Path(__file__).resolve().parents[2]
SECONDS = 5.0
FLAGS = "/admin/channels_integrations/featureflag/"
Ask = Callable[[], str]


@contextmanager
def process(*arguments: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """One of the installation's, over the test's database, with all durations as they are by default."""
    variables = {**os.environ, "DATABASE_URL": database(), "PRIVATE_NETWORKS": "127.0.0.0/8", **more}
    running = subprocess.Popen(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=variables, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with ended(running):
        yield running


@contextmanager
def webs(count: int, **more: str) -> Iterator[list[str]]:
    """Addresses of web processes that are ready."""
    with ExitStack() as stack:
        started = []
        for _ in range(count):
            port = free_port()
            started.append(
                (f"http://127.0.0.1:{port}", stack.enter_context(process("serve", "--port", str(port), **more)))
            )
        for address, running in started:
            answering(f"{address}/ready", running)
        yield [address for address, _running in started]


@pytest.fixture
def bot(demo: Setup) -> str:
    """The path of its page; somebody may log in to change it."""
    environment.sync()
    get_user_model().objects.create_superuser("admin", password="a long password")
    return f"/admin/bots/bot/{demo.bot_id}/change/"


def staff(address: str) -> StaffBrowser:
    return StaffBrowser(address, name="admin", password="a long password")


def api(address: str) -> Callable[[str], dict[str, Any]]:
    """Asks the bot at this process."""
    key = ApiKey.issue(workspace=Workspace.default(), name="test", scopes=["chat"])[1]

    def ask(text: str) -> dict[str, Any]:
        body = {"bot": "demo", "message": text, "session": {"platform": "test", "user_id": uuid.uuid4().hex}}
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{address}/api/v1/chat/", json.dumps(body).encode(), headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310  our own server
            return dict(json.load(answer))

    return ask


def greeting(address: str) -> str:
    """As a visitor sees it who comes to this process."""
    with connect(f"{address.replace('http', 'ws')}/ws/chat/demo/") as chat:
        chat.send('{"type": "hello"}')
        return str(json.loads(chat.recv(10))["bot"]["greeting"])


def seconds_until(ask: Ask, new: str, since: float) -> float:
    """From `since` to the first question that is answered as the new configuration says."""
    while True:
        asked = time.monotonic()
        if new in ask():
            return asked - since
        assert asked - since < 3 * SECONDS, f"{new!r} does not come"
        time.sleep(0.1)


def in_force(change: Callable[[], Any], *questions: tuple[Ask, str]) -> None:
    """Each question is answered in the new way within five seconds of the change, though just before in the old."""
    with ThreadPoolExecutor(len(questions)) as pool:
        for (_ask, new), answer in zip(questions, pool.map(lambda question: question[0](), questions), strict=True):
            assert new not in answer
        change()
        since = time.monotonic()
        took = list(pool.map(lambda question: seconds_until(question[0], question[1], since), questions))
    told = {new: round(seconds, 1) for (_ask, new), seconds in zip(questions, took, strict=True)}
    assert max(took) <= SECONDS, told


@pytest.mark.parametrize("redis", [True, False], ids=["with Redis", "without Redis"])
def test_in_another_web_process(bot: str, redis: bool) -> None:
    with webs(2, **({} if redis else {"REDIS_URL": ""})) as (here, there):
        editor, ask = staff(here), api(there)
        in_force(
            lambda: editor.save(bot, prompt="You sell bicycles.", greeting="Which bicycle?"),
            (lambda: ask("who are you?")["reply"], "You sell bicycles."),
            (lambda: greeting(there), "Which bicycle?"),
        )
        brief = str(AIModel.objects.get(name="brief").pk)

        def change() -> None:
            editor.save(bot, model=brief)
            editor.save(FLAGS, form_of="enable_commands", value="")

        in_force(
            change,
            (lambda: str(ask("hello")["model"]), "demo/brief"),
            (lambda: str(ask("/status")["model"]), "demo/"),  # a model is asked what a command told before
        )
    assert Bot.objects.get().prompt == "You sell bicycles."


def test_in_a_worker(bot: str, hook: Setup, receiver: Receiver) -> None:
    alone = {"CELERY_BROKER_URL": broker(), "SWEEP_SECONDS": "600"}  # the web process leaves its webhooks to the worker
    with webs(1, **alone) as (here,), process("worker", CELERY_BROKER_URL=broker()):

        def ask(text: str = "who are you?") -> str:
            name = uuid.uuid4().hex
            body = json.dumps({"id": name, "chat_id": name, "sender_id": name, "text": text}).encode()
            path = f"/webhooks/webhook/{hook.channel_id}/"
            call = urllib.request.Request(here + path, body, signed(body, message_id=name))  # noqa: S310
            urllib.request.urlopen(call, timeout=20).close()  # noqa: S310  our own server
            until(lambda: any(taken["chat_id"] == name for taken in receiver.taken()), 30)
            return str(next(taken["text"] for taken in receiver.taken() if taken["chat_id"] == name))

        editor = staff(here)
        ask()
        in_force(lambda: editor.save(bot, prompt="You sell bicycles."), (ask, "You sell bicycles."))
        in_force(
            lambda: editor.save(FLAGS, form_of="enable_commands", value=""),
            (lambda: ask("/status"), "You wrote"),
        )
