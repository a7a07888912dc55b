"""Another model in the place of one, everywhere that somebody names it, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bots import environment, references
from bots.models import AIModel, AIProvider, Bot, Membership, Workspace
from channels_integrations.models import ChannelConfig
from channels_integrations.setup import setup_of
from conversations.models import ChatUser, Conversation, ModelCall, Person, Turn

pytestmark = pytest.mark.django_db


class Tenant:
    """A workspace in which everything that can names the model."""

    def __init__(self, workspace: Workspace, model: AIModel) -> None:
        self.workspace = workspace
        self.bot = Bot.objects.create(workspace=workspace, slug="b", name="Bot", model=model)
        self.channel = ChannelConfig.objects.create(
            workspace=workspace,
            bot=self.bot,
            kind="webchat",
            slug=f"c-{workspace.pk}",
            name="Chat",
            default_model=model,
        )
        self.person = Person.objects.create(workspace=workspace, preferred_model=model)
        user = ChatUser.objects.create(channel=self.channel, person=self.person, external_id="u")
        common = {"workspace": workspace, "channel": self.channel, "bot": self.bot, "chat_user": user}
        self.ended = Conversation.objects.create(**common, chat_id="u", model_override=model, ended_at=timezone.now())
        self.open = Conversation.objects.create(**common, chat_id="u", model_override=model)

    def names(self) -> list[str]:
        """The model of the bot, the channel, the person, the open and the ended conversation."""
        rows = (self.bot, self.channel, self.person, self.open, self.ended)
        for row in rows:
            row.refresh_from_db()
        fields = ("model", "default_model", "preferred_model", "model_override", "model_override")
        return [getattr(row, field).name for row, field in zip(rows, fields, strict=True)]


@pytest.fixture
def models() -> dict[str, AIModel]:
    environment.sync()
    return {model.name: model for model in AIModel.objects.all()}


@pytest.fixture
def first(models: dict[str, AIModel]) -> Tenant:
    return Tenant(Workspace.default(), models["demo"])


@pytest.fixture
def second(models: dict[str, AIModel]) -> Tenant:
    return Tenant(Workspace.objects.create(name="Other"), models["demo"])


REPLACED = ["brief", "brief", "brief", "brief", "demo"]
UNTOUCHED = ["demo"] * 5


def administrator(client: Client, workspace: Workspace) -> Any:
    user = get_user_model().objects.create_user(f"ann {workspace}", is_staff=True)
    Membership.objects.create(user=user, workspace=workspace, role="administrator")
    client.force_login(user)
    return user


def page(model: AIModel) -> str:
    return reverse("admin:bots_aimodel_replace", args=[model.pk])


def test_its_page_counts_who_uses_it(client: Client, models: dict[str, AIModel], first: Tenant, second: Tenant) -> None:
    user = administrator(client, first.workspace)
    shown = client.get(page(models["demo"]))
    assert [use.count for use in shown.context["uses"]] == [1, 1, 1, 1]
    assert "DEFAULT_MODEL" in shown.content.decode()
    assert list(shown.context["form"].fields["other"].queryset) == [models["brief"]]
    Membership.objects.create(user=user, workspace=second.workspace, role="operator")
    assert [use.count for use in client.get(page(models["demo"])).context["uses"]] == [1, 1, 1, 1]
    client.force_login(get_user_model().objects.create_superuser("root"))
    assert [use.count for use in client.get(page(models["demo"])).context["uses"]] == [2, 2, 2, 2]


def test_it_is_replaced_in_the_workspaces_of_the_actor_alone(
    client: Client, models: dict[str, AIModel], first: Tenant, second: Tenant
) -> None:
    user = administrator(client, first.workspace)
    Membership.objects.create(user=user, workspace=second.workspace, role="operator")
    assert setup_of(first.channel.pk).bot_model_id == models["demo"].pk
    before = first.bot.updated_at
    saved = client.post(page(models["demo"]), {"other": models["brief"].pk}, follow=True)
    assert "bots: 1, channels: 1" in saved.content.decode()
    assert (first.names(), second.names()) == (REPLACED, UNTOUCHED)
    assert first.bot.updated_at > before
    assert setup_of(first.channel.pk).bot_model_id == models["brief"].pk
    entries = LogEntry.objects.filter(user=user)
    assert {entry.object_id for entry in entries} == {str(first.bot.pk), str(first.channel.pk)}
    assert "demo/demo replaced by demo/brief" in entries[0].get_change_message()


def test_a_superuser_replaces_it_everywhere(
    client: Client, models: dict[str, AIModel], first: Tenant, second: Tenant
) -> None:
    client.force_login(get_user_model().objects.create_superuser("root"))
    client.post(page(models["demo"]), {"other": models["brief"].pk})
    assert (first.names(), second.names()) == (REPLACED, REPLACED)


def test_the_ledger_keeps_the_model_that_answered(client: Client, models: dict[str, AIModel], first: Tenant) -> None:
    turn = Turn.objects.create(conversation=first.open, first_seq=1)
    call = ModelCall.objects.create(
        turn=turn, model=models["demo"], model_name="demo/demo", level="bot", attempt=1, round=1, latency_ms=1
    )
    administrator(client, first.workspace)
    client.post(page(models["demo"]), {"other": models["brief"].pk})
    call.refresh_from_db()
    assert (call.model, call.model_name) == (models["demo"], "demo/demo")


def test_only_models_in_use_that_all_of_them_may_call_are_offered(
    client: Client, models: dict[str, AIModel], first: Tenant, second: Tenant
) -> None:
    def make(workspace: Workspace, name: str, **more: Any) -> AIModel:
        provider, _made = AIProvider.objects.get_or_create(workspace=workspace, slug="own", defaults={"kind": "demo"})
        return AIModel.objects.create(provider=provider, name=name, **more)

    mine = make(first.workspace, "mine")
    off = make(first.workspace, "off", is_active=False)
    theirs = make(second.workspace, "theirs")
    user = administrator(client, first.workspace)
    offered = client.get(page(models["demo"])).context["form"].fields["other"].queryset
    assert set(offered) == {models["brief"], mine}
    for wrong in (off.pk, theirs.pk, models["demo"].pk, "nonsense", ""):
        refused = client.post(page(models["demo"]), {"other": wrong})
        assert refused.status_code == 200 and refused.context["form"].errors
    assert first.names() == UNTOUCHED
    Membership.objects.create(user=user, workspace=second.workspace, role="administrator")
    offered = client.get(page(models["demo"])).context["form"].fields["other"].queryset
    assert set(offered) == {models["brief"]}
    assert set(client.get(page(mine)).context["form"].fields["other"].queryset) == {*models.values()}


def test_it_is_all_or_nothing(
    client: Client, models: dict[str, AIModel], first: Tenant, monkeypatch: pytest.MonkeyPatch, transactional_db: None
) -> None:
    def broken() -> Any:
        raise RuntimeError("the last of them fails")

    broken_one = references.Reference(noun="broken", rows=broken, field="model")
    monkeypatch.setitem(references._references, "zz", broken_one)
    with pytest.raises(RuntimeError):
        references.replace(
            models["demo"], models["brief"], workspaces=[first.workspace.pk],
            actor=get_user_model().objects.create_superuser("root"),
        )  # fmt: skip
    assert first.names() == UNTOUCHED and not LogEntry.objects.exists()
