"""Who may do what: every staff page and socket, for every role, and for those who have none."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from bots import environment, roles
from bots.models import AIModel, AIProvider, ApiKey, Bot, Membership, ModelPrice, Workspace
from channels_integrations.models import ChannelConfig, FeatureFlag, RawEvent
from conversations.models import (
    CannedAnswer,
    ChatUser,
    Conversation,
    Delivery,
    Message,
    ModelCall,
    Person,
    Turn,
)
from conversations.seed import seed_demo

pytestmark = pytest.mark.django_db
OURS = {"bots", "channels_integrations", "conversations"}
MODELS = [model for model in admin.site._registry if model._meta.app_label in OURS]
OPERATORS = {"Bot", "ChannelConfig", "Conversation", "Person", "CannedAnswer"}
ACTIONS = {"conversation": ["end", "take", "hand_back", "note"], "person": ["block", "unblock", "note"]}
ANALYSTS = OPERATORS - {"CannedAnswer"}


@pytest.fixture
def rows() -> dict[Any, Any]:
    """One row of everything that staff can open, in the first workspace."""
    environment.sync()
    seed_demo()
    workspace, bot, channel = Workspace.default(), Bot.objects.get(), ChannelConfig.objects.get(kind="webchat")
    provider = AIProvider.objects.create(workspace=workspace, slug="own", name="Own", kind="demo")
    model = AIModel.objects.create(provider=provider, name="m")
    ModelPrice.objects.create(model=model, valid_from="2026-01-01T00:00Z", input_nanodollars=1, output_nanodollars=1)
    person = Person.objects.create(workspace=workspace, name="Ada")
    user = ChatUser.objects.create(channel=channel, person=person, external_id="u")
    here = Conversation.objects.create(workspace=workspace, channel=channel, bot=bot, chat_id="u", chat_user=user)
    turn = Turn.objects.create(conversation=here, first_seq=1)
    message = Message.objects.create(conversation=here, channel=channel, turn=turn, seq=1, role="user", text="canary")
    call = ModelCall.objects.create(turn=turn, model_name="own/m", level="bot", attempt=1, round=1, latency_ms=1)
    found = [
        provider, model, bot, channel, person, here, turn, call,
        Delivery.objects.create(message=message, part=0, payload={"text": "canary"}),
        RawEvent.objects.create(channel=channel, sha256="x", body=b"canary"),
        FeatureFlag.objects.create(workspace=workspace, name="enable_tools", value="true"),
        CannedAnswer.objects.create(workspace=workspace, name="Hello", text="Hello!"),
        ApiKey.issue(workspace=workspace, name="shop", scopes=["chat"])[0],
    ]  # fmt: skip
    assert {type(row) for row in found} == set(MODELS)
    return {type(row): row for row in found}


def staff(client: Client, role: str | None, workspace: Workspace | None = None) -> Any:
    """Signed in with this role in this workspace; with None, with no role at all."""
    user = get_user_model().objects.create_user(f"staff-{role}", is_staff=True)
    if role is not None:
        Membership.objects.create(user=user, workspace=workspace or Workspace.default(), role=role)
    client.force_login(user)
    return user


def address(model: Any, page: str, *arguments: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=arguments)


def statuses(client: Client, rows: dict[Any, Any], page: str) -> dict[str, int]:
    found = {}
    for model, row in rows.items():
        arguments = [] if page in {"changelist", "add"} else [row.pk]
        found[model.__name__] = client.get(address(model, page, *arguments)).status_code
    return found


@pytest.mark.parametrize("role", [None, *roles.TABLE])
@pytest.mark.parametrize("page", ["change", "history", "delete"])
def test_rows_of_another_workspace_are_not_there(client: Client, rows: dict[Any, Any], role: str, page: str) -> None:
    staff(client, role, Workspace.objects.create(name="Other"))
    assert set(statuses(client, rows, page).values()) == {404}


@pytest.mark.parametrize("role", roles.TABLE)
def test_lists_of_another_workspace_are_empty(client: Client, rows: dict[Any, Any], role: str) -> None:
    staff(client, role, Workspace.objects.create(name="Other"))
    for model, row in rows.items():
        page = client.get(address(model, "changelist"))
        assert page.status_code in {200, 404}
        assert str(row.pk) not in page.content.decode(), model


@pytest.mark.parametrize("page", ["changelist", "add", "change", "history", "delete"])
def test_without_a_role_every_page_is_refused(client: Client, rows: dict[Any, Any], page: str) -> None:
    staff(client, None)
    assert set(statuses(client, rows, page).values()) == {404}
    client.logout()
    assert set(statuses(client, rows, page).values()) == {302}  # to the login


@pytest.mark.parametrize("role", [None, "operator", "analyst"])
def test_what_a_role_may_not_see_is_like_an_address_that_nobody_made(
    client: Client, rows: dict[Any, Any], role: str | None
) -> None:
    user = staff(client, role)
    hidden = [
        address(Turn, "changelist"), address(Turn, "change", rows[Turn].pk), address(get_user_model(), "changelist"),
        address(get_user_model(), "change", user.pk), "/admin/auth/", "/admin/conversations/turn/0/history/",
        "/admin/autocomplete/?app_label=conversations&model_name=person&field_name=user",
    ]  # fmt: skip
    nowhere = client.get("/admin/nobody/made/this/")
    assert nowhere.status_code == 404
    for page in hidden:
        answer = client.get(page)
        assert (answer.status_code, answer.content) == (404, nowhere.content), page
        assert "autocomplete" in page or client.post(page).content == nowhere.content, page


CHANNEL_PAGES = ["channels_integrations_channelconfig_test", "channels_integrations_channelconfig_check"]
PAGES_OF_ROWS = [
    ("bots_aiprovider_test", AIProvider, "post"), ("bots_aiprovider_models", AIProvider, "get"),
    ("bots_aiprovider_models", AIProvider, "post"), ("bots_aimodel_replace", AIModel, "get"),
    ("bots_aimodel_replace", AIModel, "post"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "model", "method"), PAGES_OF_ROWS)
def test_pages_of_a_row_are_for_administrators_of_its_workspace(
    client: Client, rows: dict[Any, Any], name: str, model: Any, method: str
) -> None:
    page = reverse(f"admin:{name}", args=[rows[model].pk])
    ask = getattr(client, method)
    assert ask(page)["Location"].startswith(reverse("admin:login"))
    for role in (None, "operator", "analyst"):
        staff(client, role)
        assert ask(page).status_code == 404, role
    user = staff(client, "administrator", Workspace.objects.create(name="Other"))
    assert ask(page).status_code == 404
    Membership.objects.create(user=user, workspace=Workspace.default(), role="operator")
    assert ask(page).status_code == 404  # the higher role elsewhere does not count
    Membership.objects.filter(user=user).update(role="administrator")
    assert ask(page).status_code in {200, 302}
    assert ask(reverse(f"admin:{name}", args=["nonsense"])).status_code == 404


@pytest.mark.parametrize(
    ("role", "shown"),
    [("administrator", {model.__name__ for model in MODELS}), ("operator", OPERATORS), ("analyst", ANALYSTS)],
)
def test_each_role_sees_its_pages(client: Client, rows: dict[Any, Any], role: str, shown: set[str]) -> None:
    user = staff(client, role)
    assert {name for name, status in statuses(client, rows, "changelist").items() if status == 200} == shown
    assert {name for name, status in statuses(client, rows, "change").items() if status == 200} == shown
    start = client.get(reverse("admin:index")).content.decode()
    assert ("Engine room" in start) is (role == "administrator")
    assert ("/needs-a-person/" in start) is (role != "analyst")
    assert client.get(reverse("admin:needs_a_person")).status_code == (404 if role == "analyst" else 200)
    assert user.get_all_permissions() == roles.names(role)


def deeds(client: Client, rows: dict[Any, Any]) -> dict[str, int]:
    """The answer to each thing that can be done on the pages of conversations and people."""
    named = {"conversation": rows[Conversation], "person": rows[Person]}
    return {
        f"{model} {name}": client.post(reverse(f"admin:conversations_{model}_{name}", args=[row.pk])).status_code
        for model, row in named.items()
        for name in ACTIONS[model]
    }


def test_operators_and_administrators_act_in_their_workspace_nobody_else(client: Client, rows: dict[Any, Any]) -> None:
    other = Workspace.objects.create(name="Other")
    for role, workspace, wanted in [
        ("analyst", None, {404}), (None, None, {404}), ("operator", other, {404}), ("administrator", other, {404}),
    ]:  # fmt: skip
        client.logout()
        get_user_model().objects.filter(username=f"staff-{role}").delete()
        staff(client, role, workspace)
        assert set(deeds(client, rows).values()) == wanted, (role, workspace)
    client.logout()
    assert set(deeds(client, rows).values()) == {302}
    rows[Person].refresh_from_db()
    assert (rows[Person].blocked_at, rows[Conversation].notes.count()) == (None, 0)
    assert Conversation.objects.get().owner == "bot"
    for role in ("operator", "administrator"):
        get_user_model().objects.filter(username=f"staff-{role}").delete()
        staff(client, role)
        assert set(deeds(client, rows).values()) == {302}
    assert Conversation.objects.get().owner == "closed"


def test_what_is_done_is_done_by_post_alone(client: Client, rows: dict[Any, Any]) -> None:
    staff(client, "operator")
    for name in ACTIONS["conversation"]:
        page = reverse(f"admin:conversations_conversation_{name}", args=[rows[Conversation].pk])
        assert client.get(page).status_code == 405


def test_a_higher_role_elsewhere_does_nothing_here(client: Client, rows: dict[Any, Any]) -> None:
    user = staff(client, "analyst")
    Membership.objects.create(user=user, workspace=Workspace.objects.create(name="Other"), role="administrator")
    assert set(deeds(client, rows).values()) == {404}
    page = client.get(address(Conversation, "change", rows[Conversation].pk)).content.decode()
    assert "<button" not in page.partition("<staff-conversation")[2].partition("</staff-conversation")[0]


def test_a_lesser_role_in_one_workspace_is_not_raised_by_a_higher_one_elsewhere(
    client: Client, rows: dict[Any, Any]
) -> None:
    user = staff(client, "analyst")
    Membership.objects.create(user=user, workspace=Workspace.objects.create(name="Other"), role="administrator")
    page = address(Bot, "change", rows[Bot].pk)
    assert client.get(page).status_code == 200
    assert client.post(page, {"name": "Stolen"}).status_code == 404
    rows[Bot].refresh_from_db()
    assert rows[Bot].name == "Demo"


def test_what_serves_every_workspace_is_seen_and_not_changed(client: Client, rows: dict[Any, Any]) -> None:
    staff(client, "administrator")
    shared = AIProvider.objects.create(workspace=None, slug="shared", name="Shared", kind="demo")
    page = address(AIProvider, "change", shared.pk)
    assert client.get(page).status_code == 200
    assert client.post(page, {"name": "Stolen"}).status_code == 404


def test_the_groups_say_what_the_table_says() -> None:
    for role in roles.TABLE:
        group = Group.objects.get(name=Membership.Role(role).label)
        held = {
            f"{row.content_type.app_label}.{row.codename}" for row in group.permissions.select_related("content_type")
        }
        assert held == roles.names(role)


def test_no_staff_page_is_forgotten() -> None:
    """A new page of ours under /admin/ has to be named here, and tested above."""
    ours = {model._meta.label_lower.replace(".", "_") for model in MODELS}
    names = {
        name
        for pattern in get_resolver().url_patterns
        if str(pattern.pattern) == "admin/"
        for name in _names(pattern)
        if any(name.startswith(prefix) for prefix in ours) or "_" in name
    }
    known = {f"{prefix}_{page}" for prefix in ours for page in ("changelist", "add", "history", "delete", "change")}
    django = {name for name in names if name.startswith(("auth_", "view_on_site", "password_"))} | {"app_list"}
    elsewhere = {
        "needs_a_person",
        *("bots_bot_prompts", "bots_bot_restore", "bots_bot_copy"),  # tests/bots/test_bot_pages.py
        "try_bot",  # tests/conversations/test_trial.py
        *CHANNEL_PAGES,
        *(name for name, _model, _method in PAGES_OF_ROWS),
        *(f"conversations_{model}_{name}" for model, names in ACTIONS.items() for name in names),
    }
    assert names - known - django == elsewhere


def _names(pattern: Any) -> list[str]:
    if isinstance(pattern, URLPattern):
        return [pattern.name] if pattern.name else []
    return [name for inner in pattern.url_patterns for name in _names(inner)]


@pytest.mark.parametrize("page", CHANNEL_PAGES)
@pytest.mark.parametrize(
    ("role", "elsewhere", "status"),
    [
        ("administrator", False, 405), ("operator", False, 404), ("analyst", False, 404), (None, False, 404),
        ("administrator", True, 404), ("operator", True, 404), ("analyst", True, 404),
    ],
)  # fmt: skip
def test_only_administrators_send_test_messages_on_their_channels_and_check_them(
    client: Client, rows: dict[Any, Any], role: str | None, elsewhere: bool, status: int, page: str
) -> None:
    staff(client, role, Workspace.objects.create(name="Other") if elsewhere else None)
    place = reverse(f"admin:{page}", args=[rows[ChannelConfig].pk])
    assert client.get(place).status_code == status
    if status != 405:
        assert client.post(place, {"chat_id": "c", "text": "t"}).status_code == status
    client.logout()
    assert client.post(place).status_code == 302  # to the login


def test_channels_of_another_workspace_are_not_switched_off(client: Client, rows: dict[Any, Any]) -> None:
    staff(client, "administrator", Workspace.objects.create(name="Other"))
    asked = {"action": "switch_off", "_selected_action": [str(rows[ChannelConfig].pk)]}
    client.post(address(ChannelConfig, "changelist"), asked)
    rows[ChannelConfig].refresh_from_db()
    assert rows[ChannelConfig].paused_at is None
