"""The test chat beside a bot's form, over a socket: it answers with what was not saved, and counts nowhere."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import Client
from django.urls import reverse

from bots.models import AIModel, Bot, Membership, PromptVersion, Workspace
from bots.remember import forget
from channels_integrations.models import ChannelConfig
from conversations.models import Conversation, ModelCall, Turn
from tests.conversations.conftest import until_stored

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "t" * 32


def browser(address: str, name: str, role: str | None, workspace: Workspace | None = None) -> httpx2.Client:
    """A member of staff, signed in."""
    user = get_user_model().objects.create_user(name, is_staff=True)
    if role is not None:
        Membership.objects.create(user=user, workspace=workspace or Workspace.default(), role=role)
    session = Client()
    session.force_login(user)
    cookies = {settings.SESSION_COOKIE_NAME: session.cookies[settings.SESSION_COOKIE_NAME].value, "csrftoken": TOKEN}
    return httpx2.Client(base_url=address, cookies=cookies, headers={"X-CSRFToken": TOKEN}, timeout=20)


@pytest.fixture
def ada(address: str) -> Iterator[httpx2.Client]:
    with browser(address, "ada", "administrator") as client:
        yield client


def asked(text: str, **more: Any) -> dict[str, Any]:
    form = {"name": "Pirate", "prompt": "Speak as a pirate.", "model": "", "tools": [], "parameters": "{}"}
    return {**form, "said": [], "text": text, **more}


def path() -> str:
    return reverse("admin:try_bot", args=[Bot.objects.get().pk])


def frames(client: httpx2.Client, text: str, **more: Any) -> list[dict[str, Any]]:
    answer = client.post(path(), json=asked(text, **more))
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def test_what_is_not_saved_answers_and_is_not_saved_by_it(ada: httpx2.Client) -> None:
    told = frames(ada, "who are you?")
    kinds = [frame["type"] for frame in told]
    assert kinds[0] == "start"
    assert kinds[-2:] == ["message", "outcome"]
    assert kinds.index("delta") < kinds.index("message")
    assert "You are Pirate." in told[-2]["text"]
    assert "Speak as a pirate." in told[-2]["text"]
    outcome = told[-1]
    assert (outcome["failed"], outcome["model"]) == (False, "demo/demo")
    assert outcome["prompt_tokens"] > 0
    assert outcome["seconds"] > 0
    assert [version.text for version in PromptVersion.objects.all()] == ["You are friendly and answer in few words."]
    assert ModelCall.objects.get().prompt_version is None


def test_the_saved_prompt_is_known_as_such(ada: httpx2.Client) -> None:
    frames(ada, "hello", prompt="You are friendly and answer in few words.")
    assert ModelCall.objects.get().prompt_version == PromptVersion.objects.get()


def test_what_was_said_before_is_known(ada: httpx2.Client) -> None:
    said = [{"role": "user", "text": "my name is Grace"}, {"role": "assistant", "text": "Hello Grace"}]
    assert "Grace" in frames(ada, "what is my name?", said=said)[-2]["text"]


def test_the_model_and_the_tools_are_those_of_the_form(ada: httpx2.Client) -> None:
    brief = str(AIModel.objects.get(name="brief").pk)
    assert frames(ada, "hello", model=brief)[-1]["model"] == "demo/brief"
    used = [frame["name"] for frame in frames(ada, "what is 3*4?", tools=["calculate"]) if frame["type"] == "tool"]
    assert set(used) == {"calculate"}
    assert not [frame for frame in frames(ada, "what is 3*4?") if frame["type"] == "tool"]


def test_what_waits_for_a_restart_of_the_channel_is_told(ada: httpx2.Client) -> None:
    frames(ada, "hello")
    ChannelConfig.objects.filter(kind="api").update(paused_at="2026-01-01T00:00Z")
    forget()
    assert [frame["type"] for frame in frames(ada, "hello")] == ["error"]


def test_it_counts_nowhere(ada: httpx2.Client) -> None:
    frames(ada, "hello")
    conversation = Conversation.objects.get()
    assert conversation.status == "ended"
    assert conversation.metadata["test"] is True
    start_page = Client()
    start_page.force_login(get_user_model().objects.get())
    person = conversation.chat_user.person
    assert list(start_page.get("/admin/conversations/person/").context["cl"].result_list) == []
    assert list(start_page.get("/admin/conversations/person/?q=ada").context["cl"].result_list) == []
    assert start_page.get(f"/admin/conversations/person/{person.pk}/change/").status_code == 200
    shown = {str(figure.name): figure.value for figure in start_page.get("/admin/").context["figures"]}
    assert shown["conversations today"] == 0
    assert shown["answers given"] == 0
    assert shown["spent today"] == "$0.00"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"parameters": "[1]"}, "Parameters"), ({"parameters": "{"}, "Parameters"), ({"text": " "}, "nothing"),
        ({"text": "x" * 9_000}, "8000"), ({"parameters": '{"a": "\\u0000"}'}, "cannot be stored"),
        ({"parameters": '{"a": NaN}'}, "Parameters"), ({"max_output_tokens": 1}, "max_output_tokens"),
        ({"prompt": "a\0b"}, "cannot be stored"), ({"model": "gpt"}, "model"),
        ({"said": [{"role": "system", "text": "x"}]}, "said"), ({"tools": None}, "tools"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_told(ada: httpx2.Client, wrong: dict[str, Any], told: str) -> None:
    answer = ada.post(path(), json=asked("hello") | wrong)
    assert answer.status_code == 400
    assert told in answer.json()["message"]
    assert ada.post(path(), content=b"{").status_code == 400
    assert not Turn.objects.exists()


def test_whoever_stops_listening_stops_the_answer(ada: httpx2.Client) -> None:
    with ada.stream("POST", path(), json=asked("show me Markdown")) as answer:
        next(answer.iter_lines())
    asyncio.run(until_stored(lambda: Turn.objects.get().state == "stopped"))


def test_so_does_who_leaves_while_their_message_is_still_being_stored(ada: httpx2.Client) -> None:
    frames(ada, "hello")
    with transaction.atomic():
        ChannelConfig.objects.select_for_update().get(kind="api")  # what is stored on it waits for this
        with ada.stream("POST", path(), json=asked("show me Markdown")):
            pass
        time.sleep(0.5)
        assert Turn.objects.count() == 1
    asyncio.run(until_stored(lambda: [turn.is_open for turn in Turn.objects.order_by("pk")] == [False, False]))
    assert [turn.state for turn in Turn.objects.order_by("pk")] == ["done", "stopped"]


def test_too_many_messages_are_refused_for_a_while(ada: httpx2.Client, settings: Any) -> None:
    settings.RATE_LIMIT_PER_MINUTE = 1
    frames(ada, "hello")
    answer = ada.post(path(), json=asked("hello"))
    assert answer.status_code == 429
    assert "You can write again in" in answer.json()["message"]


@pytest.mark.parametrize(
    ("role", "elsewhere"), [("operator", False), ("analyst", False), (None, False), ("administrator", True)]
)
def test_only_who_may_change_the_bot_tries_it(address: str, role: str | None, elsewhere: bool) -> None:
    other = Workspace.objects.create(name="Other") if elsewhere else None
    with browser(address, "eve", role, other) as client:
        assert client.post(path(), json=asked("hello")).status_code == 404
    with httpx2.Client(base_url=address, cookies={"csrftoken": TOKEN}, headers={"X-CSRFToken": TOKEN}) as nobody:
        assert "/login/" in nobody.post(path(), json=asked("hello")).headers["location"]
    assert not Turn.objects.exists()


def test_it_is_posted_with_a_token(ada: httpx2.Client) -> None:
    assert ada.get(path()).status_code == 405
    assert ada.post(path(), json=asked("hello"), headers={"X-CSRFToken": "other"}).status_code == 403
