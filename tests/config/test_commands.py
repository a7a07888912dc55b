"""Commands that staff type: keys, logins, the demo, a change of encryption keys."""

from __future__ import annotations

import io
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from bots.fields import Unreadable
from bots.models import AIProvider, ApiKey, Bot, Workspace
from channels_integrations.models import ChannelConfig

pytestmark = pytest.mark.django_db


def told(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue().strip()


def test_an_api_key_is_printed_once_and_kept_as_its_hash() -> None:
    Bot.objects.create(workspace=Workspace.default(), slug="shop", name="Shop")
    text = told("create_api_key", "till", "--scopes", "chat,manage", "--bot", "shop")
    key = ApiKey.objects.authenticate(text)
    assert key is not None
    assert (key.name, key.scopes, [bot.slug for bot in key.bots.all()]) == ("till", ["chat", "manage"], ["shop"])
    assert text not in str(ApiKey.objects.values().get())
    assert ApiKey.objects.authenticate(text[:-1]) is None


@pytest.mark.parametrize("arguments", [["--scopes", "root"], ["--scopes", ""], ["--bot", "nobody"]])
def test_a_key_that_cannot_be_is_refused(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match=r"root|nothing|nobody"):
        call_command("create_api_key", "x", *arguments)
    assert not ApiKey.objects.exists()


def test_the_staff_login_gets_a_new_password_each_time() -> None:
    first, second = (told("staff_login").rpartition(" / ")[2] for _ in "ab")
    user = get_user_model().objects.get(username="admin")
    assert user.is_superuser
    assert (user.check_password(second), user.check_password(first)) == (True, False)


def test_the_demo_is_made_once() -> None:
    assert "ready" in told("seed_demo")
    assert "nothing was made" in told("seed_demo")
    assert (Bot.objects.get().slug, ChannelConfig.objects.get().slug) == ("demo", "demo")


def test_keys_are_rotated(settings: Any) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [old]
    for slug, key in (("a", "sk-one"), ("b", "sk-two"), ("c", "")):
        AIProvider.objects.create(slug=slug, name=slug, api_key=key)
    settings.FIELD_ENCRYPTION_KEYS = [new, old]
    assert told("rotate_keys").startswith("2 ")
    settings.FIELD_ENCRYPTION_KEYS = [new]
    found = [row.api_key and row.api_key.reveal() for row in AIProvider.objects.filter(slug__in="abc").order_by("slug")]
    assert found == ["sk-one", "sk-two", None]
    settings.FIELD_ENCRYPTION_KEYS = [old]
    with pytest.raises(Unreadable):
        _ = AIProvider.objects.get(slug="a").api_key
