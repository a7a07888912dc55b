"""The page of flags: each there is, what it says, where it says something else, and who changed it last."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils.html import escape

from bots.models import Membership, Workspace
from channels_integrations.flags import KNOWN, Flag
from channels_integrations.models import ChannelConfig, FeatureFlag, FlagChange
from channels_integrations.setup import setup_of
from tests.config.test_admin import form_of, url

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/admin/channels_integrations/featureflag/"


def put(client: Client, name: str, value: str | None, workspace: Workspace | None = None, **more: str) -> Any:
    """As its form on the page does; None: the switch is off."""
    place = str((workspace or Workspace.default()).pk)
    given = {} if value is None else {"value": value}
    return client.post(LIST, {"flag": name, "workspace": place, **given, **more}, follow=True)


def test_every_known_flag_is_there_with_its_meaning_and_default(staff: Client) -> None:
    page = staff.get(LIST)
    text = page.content.decode()
    assert [line.flag for place in page.context["places"] for line in place.lines] == list(KNOWN.values())
    assert all(escape(flag.help) in text for flag in KNOWN.values())
    assert "Default: 86,400." in text and text.count("Nobody has changed it yet.") == len(KNOWN)
    kinds = {line.flag.name: line.form.fields["value"].widget.input_type for line in page.context["places"][0].lines}
    assert (kinds["enable_tools"], kinds["conversation_idle"]) == ("checkbox", "number")


def test_a_text_flag_has_a_text_box(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KNOWN, "word", Flag("word", "please", "The word that opens the door."))
    page = staff.get(LIST)
    assert page.context["places"][0].lines[-1].form.fields["value"].widget.input_type == "text"
    put(staff, "word", "")
    assert FeatureFlag.objects.get().typed == ""
    assert "takes a text of at most 200 characters" in put(staff, "word", "x" * 201).content.decode()


def test_a_value_is_set_in_force_and_goes_back_to_the_default(staff: Client, chat: ChannelConfig) -> None:
    assert "Enable tools: off, everywhere within 5 seconds." in put(staff, "enable_tools", None).content.decode()
    assert setup_of(chat.pk).flags["enable_tools"] is False
    put(staff, "max_conversation_length", "50")
    told = put(staff, "max_conversation_length", "40").content.decode()
    assert "Last changed by grace" in told and "from 50 to 40." in told
    assert setup_of(chat.pk).flags["max_conversation_length"] == 40
    put(staff, "max_conversation_length", "7", default="1")
    assert setup_of(chat.pk).flags["max_conversation_length"] == 100
    told = put(staff, "enable_tools", None, default="1").content.decode()
    assert setup_of(chat.pk).flags["enable_tools"] is True
    assert "from off to default." in told and "Back to default" not in told
    messages = [entry.get_change_message() for entry in LogEntry.objects.order_by("id")]
    assert messages == ["From default to off.", "From default to 50.", "From 50 to 40.", "", ""]


@pytest.mark.parametrize("wrong", ["0", "-5", "1.5", "many", "", "9999999999"])
def test_a_wrong_value_says_what_is_allowed(staff: Client, wrong: str) -> None:
    page = put(staff, "max_conversation_length", wrong)
    assert page.status_code == 400
    assert "max_conversation_length takes a whole number from 1 to 2,147,483,647." in page.content.decode()
    assert not FeatureFlag.objects.exists() and not FlagChange.objects.exists()


def test_channels_that_differ_are_named(staff: Client, chat: ChannelConfig) -> None:
    data = form_of(staff.get(url(chat)))
    staff.post(url(chat), {**data, "flag_enable_commands": "false"})
    text = " ".join(staff.get(LIST).content.decode().split())
    assert f'Other on: <a href="{url(chat)}">{chat.name}</a> (off)' in text
    assert f"from default to off on {chat.name}." in text


def test_a_set_flag_has_a_page_of_its_own_and_can_be_removed(staff: Client, chat: ChannelConfig) -> None:
    put(staff, "max_conversation_length", "50")
    row = FeatureFlag.objects.get()
    refused = staff.post(url(row), {"value": "0"})
    assert "whole number from 1" in str(refused.context["adminform"].form.errors["value"])
    assert staff.post(url(row), {"value": "60"}).status_code == 302
    assert setup_of(chat.pk).flags["max_conversation_length"] == 60
    assert "From 50 to 60." in staff.get(f"{LIST}{row.pk}/history/").content.decode()
    assert staff.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 302
    assert setup_of(chat.pk).flags["max_conversation_length"] == 100
    assert list(FlagChange.objects.order_by("id").values_list("was", "became")) == [
        (None, "50"), ("50", "60"), ("60", None),
    ]  # fmt: skip
    assert staff.get(f"{LIST}add/").status_code == 404


def test_a_flag_that_nothing_asks_for_any_more_can_be_removed(staff: Client) -> None:
    row = FeatureFlag.objects.create(workspace=Workspace.default(), name="gone", value="true")
    assert "nothing asks for them any more" in staff.get(LIST).content.decode()
    assert staff.get(url(row)).status_code == 200
    assert staff.post(url(row), {"value": "x"}).status_code == 404
    staff.post(f"{LIST}{row.pk}/delete/", {"post": "yes"})
    assert not FeatureFlag.objects.exists()


def test_a_stored_value_that_is_none_of_its_kind_breaks_no_page(staff: Client, chat: ChannelConfig) -> None:
    for channel in (None, chat):
        FeatureFlag.objects.create(
            workspace=chat.workspace, channel=channel, name="max_conversation_length", kind="int", value="<b>x"
        )
    for page in (LIST, url(chat)):
        shown = staff.get(page)
        assert shown.status_code == 200 and "<b>x" not in shown.content.decode()
    put(staff, "max_conversation_length", "9")
    assert FlagChange.objects.get().was == "<b>x"


def test_only_administrators_change_flags_and_only_in_their_workspace(staff: Client, client: Client) -> None:
    other = Workspace.objects.create(name="Other")
    for role, status in (("administrator", 200), ("operator", 404), ("analyst", 404)):
        user = get_user_model().objects.create_user(role, is_staff=True)
        Membership.objects.create(user=user, workspace=Workspace.default(), role=role)
        client.force_login(user)
        assert client.get(LIST).status_code == status
        assert put(client, "enable_tools", None).status_code == status
        assert put(client, "enable_tools", None, other).status_code == 404
    assert [row.workspace_id for row in FeatureFlag.objects.all()] == [Workspace.default().pk]
    client.force_login(get_user_model().objects.get(username="administrator"))
    for wrong in ({"flag": "nope"}, {"workspace": "x"}, {"workspace": str(uuid.uuid4())}):
        asked = {"flag": "enable_tools", "workspace": str(Workspace.default().pk), **wrong}
        assert client.post(LIST, asked).status_code == 404


def test_a_lesser_role_here_is_not_raised_by_a_higher_one_elsewhere(staff: Client, client: Client) -> None:
    user = get_user_model().objects.create_user("ada", is_staff=True)
    other = Workspace.objects.create(name="Other")
    Membership.objects.create(user=user, workspace=Workspace.default(), role="analyst")
    Membership.objects.create(user=user, workspace=other, role="administrator")
    client.force_login(user)
    assert [place.workspace for place in client.get(LIST).context["places"]] == [other]
    assert put(client, "enable_tools", None).status_code == 404
    assert put(client, "enable_tools", None, other).status_code == 200
