"""One member of staff in two workspaces: what their role allows in one, it does not allow in the other."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from bots.models import AIProvider, Bot, Membership, Workspace
from channels_integrations.models import ChannelConfig
from conversations.models import ChatUser, Conversation, Person, Turn
from conversations.undone import replay

pytestmark = pytest.mark.django_db
BOT = {"name": "New", "slug": "new", "prompt": "Hi.", "parameters": "{}", "is_active": "on"}


def talk(workspace: Workspace, *, blocked: bool = False) -> Turn:
    """A turn that was given up, on a channel of a bot there."""
    name = f"{workspace.name} {blocked}"
    bot = Bot.objects.create(workspace=workspace, slug="shop" if not blocked else "barred", name=name)
    channel = ChannelConfig.objects.create(
        workspace=workspace, bot=bot, kind="webchat", slug=f"s{workspace.pk}{blocked}", name=name
    )
    person = Person.objects.create(workspace=workspace, blocked_at="2026-01-01T00:00Z" if blocked else None)
    user = ChatUser.objects.create(channel=channel, person=person, external_id="u")
    here = Conversation.objects.create(workspace=workspace, channel=channel, bot=bot, chat_id="u", chat_user=user)
    turn: Turn = Turn.objects.create(conversation=here, first_seq=1, state="dead", reason=f"fault of {name}")
    return turn


@pytest.fixture
def places() -> tuple[Workspace, Workspace]:
    """Where they are an administrator, and where an analyst."""
    return Workspace.objects.create(name="Own"), Workspace.objects.create(name="Guest")


@pytest.fixture
def staff(client: Client, places: tuple[Workspace, Workspace]) -> Client:
    user = get_user_model().objects.create_user("ada", is_staff=True)
    for workspace, role in zip(places, ("administrator", "analyst"), strict=True):
        Membership.objects.create(user=user, workspace=workspace, role=role)
    client.force_login(user)
    return client


def offered(page: Any, box: str) -> list[str]:
    return [str(row) for row in page.context["adminform"].form.fields[box].queryset]


def test_the_engine_room_shows_what_one_runs(staff: Client, places: tuple[Workspace, Workspace]) -> None:
    own, guest = (talk(workspace) for workspace in places)
    listed = staff.get(reverse("admin:conversations_turn_changelist")).content.decode()
    assert own.reason in listed and guest.reason not in listed
    action = {"action": "try_again", "_selected_action": [str(own.pk), str(guest.pk)]}
    staff.post(reverse("admin:conversations_turn_changelist"), action)
    own.refresh_from_db()
    guest.refresh_from_db()
    assert (own.state, guest.state) == ("queued", "dead")


@pytest.mark.parametrize("model", ["bots_bot", "channels_integrations_channelconfig"])
def test_new_rows_are_offered_only_where_one_may_add_them(staff: Client, model: str) -> None:
    assert offered(staff.get(reverse(f"admin:{model}_add")), "workspace") == ["Own"]


def test_a_bot_belongs_where_it_was_made_and_stays_there(staff: Client, places: tuple[Workspace, Workspace]) -> None:
    own, guest = places
    refused = staff.post(reverse("admin:bots_bot_add"), {**BOT, "workspace": str(guest.pk)})
    assert "workspace" in refused.context["adminform"].form.errors
    made = staff.post(reverse("admin:bots_bot_add"), {**BOT, "workspace": str(own.pk)}, follow=True)
    assert made.status_code == 200
    bot = Bot.objects.get(slug="new")
    assert bot.workspace == own
    staff.post(reverse("admin:bots_bot_change", args=[bot.pk]), {**BOT, "workspace": str(guest.pk)})
    bot.refresh_from_db()
    assert bot.workspace == own


def test_a_slug_that_an_archived_bot_has_is_a_fault_of_the_form(
    staff: Client, places: tuple[Workspace, Workspace]
) -> None:
    Bot.objects.create(workspace=places[0], slug="new", name="Old", archived_at="2026-01-01T00:00Z")
    told = staff.post(reverse("admin:bots_bot_add"), {**BOT, "workspace": str(places[0].pk)})
    assert told.context["adminform"].form.errors["slug"] == [
        "Another bot, perhaps an archived one, has this slug already."
    ]


def test_days_that_no_calendar_has_are_refused(staff: Client) -> None:
    for days in ("until=9999-12-31", "since=0001-01-01", "until=x"):
        assert staff.get(f"{reverse('admin:conversations_conversation_changelist')}?{days}").status_code in (200, 302)


def test_a_provider_elsewhere_ticks_no_step(staff: Client, places: tuple[Workspace, Workspace]) -> None:
    AIProvider.objects.create(workspace=Workspace.objects.create(name="Third"), slug="p", name="P")
    steps = {str(step.name): step.is_done for step in staff.get(reverse("admin:index")).context["steps"]}
    assert steps["Connect a model"] is False


def test_who_is_blocked_is_not_answered_by_trying_again(places: tuple[Workspace, Workspace]) -> None:
    answered, blocked = talk(places[0]), talk(places[0], blocked=True)
    assert replay("turns") == 1
    answered.refresh_from_db()
    blocked.refresh_from_db()
    assert (answered.state, blocked.state) == ("queued", "dead")
