"""Configuration is put away and brought back on its list; an empty list says what comes next."""

from __future__ import annotations

import html

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from bots.models import Bot, Membership, Workspace
from channels_integrations.models import ChannelConfig
from channels_integrations.setup import public_setup
from conversations.seed import seed_demo

pytestmark = pytest.mark.django_db
BOTS = "/admin/bots/bot/"


@pytest.fixture
def staff(client: Client) -> Client:
    seed_demo()
    client.force_login(get_user_model().objects.create_superuser("ada"))
    return client


def test_an_archived_bot_is_out_of_use_and_comes_back(staff: Client) -> None:
    bot = Bot.objects.get()
    assert public_setup("demo", "webchat") is not None
    done = staff.post(BOTS, {"action": "archive", "_selected_action": [str(bot.pk)]}, follow=True)
    assert b"1 is archived." in done.content
    assert public_setup("demo", "webchat") is None
    assert str(bot.pk) not in done.content.decode()
    assert staff.get(reverse("admin:bots_bot_change", args=[bot.pk])).status_code == 404
    kept = staff.get(f"{BOTS}?archived=yes").content.decode()
    assert str(bot.pk) in kept
    staff.post(f"{BOTS}?archived=yes", {"action": "restore", "_selected_action": [str(bot.pk)]})
    assert public_setup("demo", "webchat") is not None
    history = staff.get(reverse("admin:bots_bot_history", args=[bot.pk])).content
    assert b"Archived." in history and b"Restored." in history


@pytest.mark.parametrize("role", ["operator", "analyst"])
def test_who_may_not_change_a_bot_puts_none_away(client: Client, role: str) -> None:
    seed_demo()
    user = get_user_model().objects.create_user("eve", is_staff=True)
    Membership.objects.create(user=user, workspace=Workspace.default(), role=role)
    client.force_login(user)
    client.post(BOTS, {"action": "archive", "_selected_action": [str(Bot.objects.get().pk)]})
    assert Bot.objects.get().archived_at is None


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("bots/bot", "There is no bot yet"), ("channels_integrations/channelconfig", "There is no channel yet"),
        ("conversations/conversation", "Nobody has written yet"), ("conversations/person", "Nobody yet"),
        ("bots/apikey", "There is no key yet"), ("conversations/cannedanswer", "A canned answer is a text"),
        ("conversations/turn", "A turn is the bot's duty"), ("conversations/delivery", "Answers on the way"),
        ("conversations/modelcall", "Each answer that a model gives"),
        ("channels_integrations/rawevent", "What platforms send"),
    ],
)  # fmt: skip
def test_an_empty_list_says_what_comes_next(client: Client, place: str, says: str) -> None:
    ChannelConfig.objects.all().delete()
    client.force_login(get_user_model().objects.create_superuser("ada"))
    shown = html.unescape(client.get(f"/admin/{place}/").content.decode())
    assert says in shown and "No results found" not in shown
    assert says not in client.get(f"/admin/{place}/?q=x").content.decode()
