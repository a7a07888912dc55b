"""The page of an API key: what to run with it, and from which pages it may be used."""

from __future__ import annotations

import html
import re
import shlex
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from bots import environment
from bots.models import ApiKey, Bot, Workspace
from conversations.seed import seed_demo
from tests.config.test_admin import form_of, url

pytestmark = [pytest.mark.django_db, pytest.mark.embedded]


@pytest.fixture
def staff(client: Client) -> Client:
    environment.sync()
    seed_demo()
    client.force_login(get_user_model().objects.create_superuser("admin"))
    return client


def examples(page: Any) -> list[str]:
    return [
        html.unescape(text)
        for text in re.findall(r'<pre class="snippet">(.*?)</pre>', page.content.decode(), re.DOTALL)
    ]


def test_a_new_key_comes_with_examples_that_hold_it(staff: Client) -> None:
    page = staff.post(url(ApiKey, "add"), {"name": "shop", "scopes": ["chat", "read"]}, follow=True)
    told = [str(message) for message in page.context["messages"]]
    text = told[0].rpartition(": ")[2]
    key = ApiKey.objects.authenticate(text)
    assert key is not None
    curl, python = examples(page)
    words = shlex.split(curl.replace("\\\n", ""))
    assert words[1:4] == ["http://testserver/api/v1/chat/", "-H", f"Authorization: Bearer {text}"]
    compile(python, "example", "exec")
    assert f'api_key="{text}"' in python and 'model="demo"' in python and 'base_url="http://testserver/v1"' in python
    later = staff.get(url(key))
    assert text not in later.content.decode()
    assert all("sb_…" in shown for shown in examples(later)) and len(examples(later)) == 2


def test_the_examples_name_the_public_address_and_a_bot_of_the_key(staff: Client, settings: Any) -> None:
    settings.PUBLIC_URL = "https://bots.example"
    other = Bot.objects.create(workspace=Workspace.default(), slug="other", name="Other")
    limited, _text = ApiKey.issue(workspace=Workspace.default(), name="l", scopes=["chat"], bots=[other])
    curl, python = examples(staff.get(url(limited)))
    assert "https://bots.example/api/v1/chat/" in curl and '"bot": "other"' in curl and 'model="other"' in python
    reader, _text = ApiKey.issue(workspace=Workspace.default(), name="r", scopes=["read"])
    assert len(examples(staff.get(url(reader)))) == 1
    assert examples(staff.get(url(ApiKey, "add"))) == []


def test_origins_are_given_one_a_line(staff: Client) -> None:
    key, _text = ApiKey.issue(workspace=Workspace.default(), name="page", scopes=["chat"])
    data = form_of(staff.get(url(key)))
    refused = staff.post(url(key), {**data, "allowed_origins": "https://app.example/chat"})
    assert "https://app.example/chat" in str(refused.context["adminform"].form.errors["allowed_origins"])
    good = "https://App.example/\n\n http://localhost:3000 \nhttps://app.example"
    assert staff.post(url(key), {**data, "allowed_origins": good}).status_code == 302
    key.refresh_from_db()
    assert key.allowed_origins == ["https://app.example", "http://localhost:3000"]
    assert form_of(staff.get(url(key)))["allowed_origins"] == "https://app.example\nhttp://localhost:3000"
