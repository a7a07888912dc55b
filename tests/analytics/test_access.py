"""Who sees the reports, and that another workspace's rows are never among them."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils.html import escape

from bots.models import AIModel, Bot
from channels_integrations.models import ChannelConfig
from conversations.models import Conversation, ModelCall
from tests.analytics.conftest import CENT, PERMISSIONS, Place, member, ours
from tests.payloads import SCRIPTS

pytestmark = pytest.mark.django_db
REPORTS = ["", "day.csv", "bot.csv", "channel.csv", "model.csv"]
TALKS = ["conversations/", "conversations.csv"]
STORABLE = [script.replace("\0", "") for script in SCRIPTS]  # neither PostgreSQL nor an address takes NUL


@pytest.mark.parametrize("path", REPORTS + TALKS)
def test_who_may_read(client: Client, shop: Place, other: Place, path: str) -> None:
    address = f"/analytics/{path}"
    shop.call(CENT, talk=shop.talk(title="Of the shop"))
    anonymous = client.get(address)
    assert (anonymous.status_code, anonymous["Location"]) == (302, f"/admin/login/?next={address}")
    client.force_login(get_user_model().objects.create_user("a person"))
    assert client.get(address).status_code == 302
    client.force_login(member(other))
    assert client.get(address).status_code == 404
    client.force_login(member(shop, *PERMISSIONS))
    assert client.get(address).status_code == 200
    assert client.post(address).status_code == 405
    client.force_login(get_user_model().objects.create_superuser("admin"))
    assert client.get(address).status_code == 200


@pytest.mark.parametrize("path", TALKS)
def test_conversations_are_for_those_who_may_read_them(client: Client, shop: Place, path: str) -> None:
    shop.call()
    client.force_login(member(shop, "view_modelcall"))
    assert client.get(f"/analytics/{path}").status_code == 404
    assert b"/analytics/conversations" not in client.get("/analytics/").content


def test_an_unknown_table_is_not_found(staff: Client) -> None:
    for path in ("all.csv", "month.csv", "..csv", "nothing/"):
        assert staff.get(f"/analytics/{path}").status_code == 404


@pytest.mark.parametrize("path", REPORTS + TALKS)
def test_another_workspaces_rows_never_appear(client: Client, shop: Place, other: Place, path: str) -> None:
    shop.call(CENT, talk=shop.talk(title="shop talk"))
    talk = other.talk(title="other talk")
    other.call(70 * CENT, talk=talk)
    client.force_login(member(shop, *PERMISSIONS))
    text = client.get(f"/analytics/{path}").content.decode()
    text = ours(text) or text  # a file is ours altogether
    assert "shop" in text or path == "day.csv"
    assert "other" not in text and "0.7" not in text and str(talk.pk) not in text
    for row in (other.bot, other.channel, other.models["big"]):
        name = {Bot: "bot", ChannelConfig: "channel", AIModel: "model"}[type(row)]
        asked = client.get(f"/analytics/{path}", {name: str(row.pk)})
        assert asked.status_code == 400
        assert "other bot" not in asked.content.decode()


def test_a_superuser_sees_all_workspaces(client: Client, shop: Place, other: Place) -> None:
    shop.call(CENT)
    other.call(2 * CENT)
    client.force_login(get_user_model().objects.create_superuser("admin"))
    assert client.get("/analytics/").context["report"].total.nanodollars == 3 * CENT


def test_staff_of_no_workspace_see_nothing(client: Client, shop: Place) -> None:
    shop.call(CENT)
    user = member(shop, *PERMISSIONS)
    user.memberships.all().delete()
    client.force_login(user)
    assert client.get("/analytics/").context["report"].total.calls == 0


class Tags(HTMLParser):
    """The elements of a page and the names of their attributes, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Any] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, [name for name, _value in attrs]))


def tags_of(text: str) -> list[Any]:
    parser = Tags()
    parser.feed(text)
    return parser.found


def test_names_are_texts_whatever_they_hold(staff: Client, shop: Place) -> None:
    """Three hundred hostile names of bots, channels, models and conversations: the page's elements stay the same."""
    talks = []
    for number in range(len(STORABLE)):
        channel = shop.new_channel(f"harmless {number}")
        talk = shop.talk(bot=shop.new_bot(f"harmless {number}"), channel=channel, title="harmless")
        model = AIModel.objects.create(provider=shop.models["big"].provider, name=f"harmless {number}")
        shop.models[f"{number}"] = model
        shop.call(CENT, talk=talk, model=f"{number}")
        talks.append(talk)
    pages = ("", "conversations/?page=1", "conversations/?page=6", "?since=2026-01-01&bot=x")
    before = [tags_of(staff.get(f"/analytics/{page}").content.decode()) for page in pages]
    for number, (talk, script) in enumerate(zip(talks, STORABLE, strict=True)):
        Bot.objects.filter(pk=talk.bot_id).update(name=script[:100])
        ChannelConfig.objects.filter(pk=talk.channel_id).update(name=script[:100])
        Conversation.objects.filter(pk=talk.pk).update(title=script[:100])
        AIModel.objects.filter(pk=shop.models[f"{number}"].pk).update(name=f"{number}{script[:140]}")
        ModelCall.objects.filter(turn__conversation=talk).update(model_name=script[:200])
    texts = [staff.get(f"/analytics/{page}").content.decode() for page in pages]
    assert [tags_of(text) for text in texts] == before
    for script in STORABLE:
        assert escape(script[:100]) in texts[0]


def test_a_hostile_address_is_shown_as_text(staff: Client) -> None:
    expected = tags_of(staff.get("/analytics/", {"since": "x", "bot": "x", "period": "x"}).content.decode())
    for script in STORABLE[:100]:
        page = staff.get("/analytics/", {"since": script, "bot": script, "period": script})
        assert page.status_code == 400
        assert tags_of(page.content.decode()) == expected, script
