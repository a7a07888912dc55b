"""Who may see what: over every table of ours, so that a new one is covered on arrival. The actors: test_rows.py."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser

from bots.models import AIModel, AIProvider, ApiKey, Bot, Membership, ModelPrice, Workspace
from bots.models.provider import SharedQuerySet
from bots.models.workspace import ScopedQuerySet
from bots.remember import forget
from channels_integrations.models import ChannelConfig
from channels_integrations.setup import setup_of
from conversations.accept import accept
from conversations.models import Conversation, Message, Person, Turn
from tests.bots.test_rows import actors
from tests.conversations.conftest import said

pytestmark = pytest.mark.django_db
APPS = ("bots", "channels_integrations", "conversations", "analytics")
OURS = [model for name in APPS for model in apps.get_app_config(name).get_models() if not model._meta.auto_created]


@pytest.fixture
def who() -> dict[str, Any]:
    """Everybody, over two workspaces that have the same: a bot, a channel, a message, a provider with a price."""
    everybody = actors()
    for workspace in Workspace.objects.all():
        slug = workspace.name.lower()
        bot = Bot.objects.create(workspace=workspace, slug=slug, name=slug)
        channel = ChannelConfig.objects.create(workspace=workspace, bot=bot, kind="webchat", slug=slug, name=slug)
        provider = AIProvider.objects.create(workspace=workspace, slug=slug, name=slug)
        ModelPrice.objects.create(
            model=AIModel.objects.create(provider=provider, name="m"), input_nanodollars=1, output_nanodollars=1
        )
        forget()
        accept(setup_of(channel.pk), said("hello"))
    return everybody


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_every_table_is_scoped_and_closed_to_whoever_is_no_staff(who: dict[str, Any], model: Any) -> None:
    assert isinstance(model.objects.all(), ScopedQuerySet)
    for name in ("customer", "gone", "anonymous", "nobody"):
        assert not model.objects.for_actor(who[name]).exists(), name
    assert model.objects.for_actor(who["superuser"]).count() == model.objects.count()


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_a_program_and_an_operator_of_a_workspace_see_the_same(who: dict[str, Any], model: Any) -> None:
    by_key, by_operator = (set(model.objects.for_actor(who[name])) for name in ("key", "operator"))
    assert by_key == by_operator
    shared = isinstance(model.objects.all(), SharedQuerySet)
    for_others = set(model.objects.for_actor(who["their key"]))
    assert shared or not by_key & for_others


@pytest.mark.parametrize(
    "model", [Bot, Conversation, Message, Turn, Person, ChannelConfig, AIProvider, AIModel, ModelPrice]
)
def test_one_workspaces_rows_of_two_are_seen(who: dict[str, Any], model: Any) -> None:
    assert model.objects.count() == 2
    assert [model.objects.for_actor(who[name]).count() for name in ("key", "their key", "operator", "outsider")] == [
        1, 1, 1, 0,
    ]  # fmt: skip


def test_who_works_in_two_workspaces_sees_each_row_once(who: dict[str, Any]) -> None:
    Membership.objects.create(user=who["operator"], workspace=Workspace.objects.get(name="Theirs"))
    shared = AIProvider.objects.create(slug="shared", name="Shared")
    seen = list(AIProvider.objects.for_actor(who["operator"]))
    assert (len(seen), len(set(seen)), shared in seen) == (3, 3, True)
    assert Conversation.objects.for_actor(who["operator"]).count() == 2


def test_what_belongs_to_nobody_serves_all_who_are_let_in(who: dict[str, Any]) -> None:
    shared = AIProvider.objects.create(slug="shared", name="Shared")
    model = AIModel.objects.create(provider=shared, name="m")
    for name in ("key", "their key", "superuser", "operator", "outsider"):
        assert shared in AIProvider.objects.for_actor(who[name]), name
        assert model in AIModel.objects.for_actor(who[name]), name
    for name in ("customer", "gone", "anonymous", "nobody"):
        assert shared not in AIProvider.objects.for_actor(who[name]), name


def test_a_scope_keeps_to_what_was_asked_before_it(who: dict[str, Any]) -> None:
    AIProvider.objects.create(slug="shared", name="Shared")
    AIProvider.objects.create(slug="old", name="Old", is_active=False)
    for name in ("key", "superuser", "operator"):
        found = AIProvider.objects.filter(is_active=True, slug__in=["shared", "old"]).for_actor(who[name])
        assert [row.slug for row in found] == ["shared"], name


def test_workspaces_are_those_one_belongs_to(who: dict[str, Any]) -> None:
    def names(name: str) -> list[str]:
        return sorted(row.name for row in Workspace.objects.for_actor(who[name]))

    assert [names(name) for name in ("key", "their key", "operator", "outsider", "anonymous")] == [
        ["Default"], ["Theirs"], ["Default"], [], [],
    ]  # fmt: skip
    assert names("superuser") == ["Default", "Theirs"]


def test_a_key_may_use_the_bots_it_names_and_none_of_another_workspace(who: dict[str, Any]) -> None:
    ours, theirs = Bot.objects.get(slug="default"), Bot.objects.get(slug="theirs")
    second = Bot.objects.create(workspace=ours.workspace, slug="second", name="Second")
    key: ApiKey = who["key"]
    assert [key.may_use(bot) for bot in (ours, second, theirs)] == [True, True, False]
    key.bots.set([second, theirs])
    assert [key.may_use(bot) for bot in (ours, second, theirs)] == [False, True, False]


def test_a_user_without_an_account_of_ours_is_nobody() -> None:
    assert not Bot.objects.for_actor(AnonymousUser()).exists()
    assert not Bot.objects.for_actor("superuser").exists()
    assert not Bot.objects.for_actor(get_user_model()(is_superuser=True, is_active=False)).exists()
