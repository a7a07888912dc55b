"""Staff pages say things in words of theirs: no parts of the program, no stored forms, no alarm where all is well."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from bots import environment
from bots.models import ApiKey, Bot, Workspace
from channels_integrations.models import ChannelConfig
from conversations.models import ChatUser, Conversation, Delivery, Message, ModelCall, Person, Turn
from conversations.seed import seed_demo

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> Client:
    environment.sync()
    seed_demo()
    client.force_login(get_user_model().objects.create_superuser("admin"))
    return client


@pytest.fixture
def talk(staff: Client) -> Conversation:
    channel = ChannelConfig.objects.get(kind="webchat")
    person = Person.objects.create(workspace=channel.workspace, name="Ada")
    user = ChatUser.objects.create(channel=channel, person=person, external_id="u")
    made: Conversation = Conversation.objects.create(
        workspace=channel.workspace, channel=channel, bot=channel.bot, chat_id="u", chat_user=user, title="Opening?"
    )
    return made


def read(client: Client, place: str) -> str:
    page = client.get(place)
    assert page.status_code == 200
    return unescape(page.content.decode())


def head(page: str) -> list[str]:
    """What stands above a page: the way to it."""
    found = re.search(r"<h1.*?</h1>", page, re.DOTALL)
    assert found is not None
    return [part.strip() for part in re.findall(r"truncate[^>]*>([^<]*)<", found[0])]


@pytest.mark.parametrize(
    ("place", "way"),
    [
        ("/admin/", ["Today"]), ("/admin/bots/bot/", ["Bots"]), ("/admin/bots/aiprovider/add/", ["Providers"]),
        ("/admin/channels_integrations/channelconfig/", ["Channels"]), ("/admin/auth/user/", ["Users"]),
        ("/admin/conversations/conversation/needs-a-person/", ["Needs a person"]),
    ],
)  # fmt: skip
def test_the_way_to_a_page_names_no_part_of_the_program(staff: Client, place: str, way: list[str]) -> None:
    assert head(read(staff, place)) == way


def test_pages_of_a_row_name_it(staff: Client) -> None:
    bot = Bot.objects.get()
    for name in ("bots_bot_change", "bots_bot_history", "bots_bot_prompts"):
        assert head(read(staff, reverse(f"admin:{name}", args=[bot.pk]))) == ["Bots", "Demo"]
    assert "Nobody has changed anything here yet." in read(staff, reverse("admin:bots_bot_history", args=[bot.pk]))


def test_one_entry_at_a_time_is_where_one_is(staff: Client) -> None:
    for place, name in (("needs-a-person/", "Needs a person"), ("", "Conversations")):
        items = staff.get(f"/admin/conversations/conversation/{place}").context["sidebar_navigation"][0]["items"]
        assert [str(item["title"]) for item in items if item["active"]] == [name]


def test_a_key_says_what_it_may_do(staff: Client) -> None:
    ApiKey.issue(workspace=Workspace.default(), name="shop", scopes=["chat", "read"])
    assert "chat, read" in read(staff, "/admin/bots/apikey/")
    form = read(staff, "/admin/bots/apikey/add/")
    assert "manage: change bots and channels" in form and "selectfilter" not in form


def test_who_is_not_blocked_is_not_marked(staff: Client, talk: Conversation) -> None:
    def cell() -> str:
        found = re.search(r'<td class="field-blocked.*?>(.*?)</td>', read(staff, place), re.DOTALL)
        assert found is not None
        return found[1].strip()

    place = reverse("admin:conversations_person_changelist")
    assert cell() in {"", "-"}
    Person.objects.update(blocked_at="2026-01-01T00:00Z")
    assert cell() == "blocked"


def test_the_engine_room_speaks_of_the_chat_and_of_dollars(staff: Client, talk: Conversation) -> None:
    turn = Turn.objects.create(conversation=talk, first_seq=1, state="dead")
    said = Message.objects.create(conversation=talk, channel=talk.channel, turn=turn, seq=2, role="assistant", text="x")
    Delivery.objects.create(message=said, part=0, payload={}, state="unknown", ambiguous=True)
    call = ModelCall.objects.create(
        turn=turn, model_name="own/m", level="bot", attempt=1, round=1, latency_ms=1234, cost_nanodollars=1_500_000_000
    )
    assert "given up" in read(staff, reverse("admin:conversations_turn_changelist"))
    listed = read(staff, reverse("admin:conversations_delivery_changelist"))
    assert all(words in listed for words in ("Opening?", "message 2, part 1", "perhaps delivered", "perhaps"))
    page = read(staff, reverse("admin:conversations_modelcall_change", args=[call.pk]))
    assert "$1.50" in page and "1.2" in page and "the bot's" in page and "anodollars" not in page


def test_what_was_spent_stands_alone_and_what_is_unknown_beside_it(staff: Client, talk: Conversation) -> None:
    turn = Turn.objects.create(conversation=talk, first_seq=1)
    for cost in (2_000_000_000, None):
        ModelCall.objects.create(
            turn=turn, model_name="m", level="bot", attempt=1, round=1, latency_ms=1, cost_nanodollars=cost
        )
    figure = staff.get("/admin/").context["figures"][-1]
    assert (figure.value, str(figure.name)) == ("$2.00", "spent today, and 1 call of unknown price")
