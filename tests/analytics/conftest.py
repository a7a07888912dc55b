"""Workspaces whose bots have called models, on days that a test names."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from analytics.forms import start_of, today
from bots.models import AIModel, AIProvider, Bot, Workspace
from channels_integrations.models import ChannelConfig
from conversations.models import ChatUser, Conversation, ModelCall, Person, Turn

CENT = 10_000_000  # nano-dollars
PERMISSIONS = ("view_modelcall", "view_conversation")


def noon(days_ago: int = 0) -> datetime:
    """Twelve o'clock of a day; today the day's first moment, since noon may not have come."""
    return start_of(today() - timedelta(days=days_ago)) + timedelta(hours=12 if days_ago else 0)


@dataclass
class Place:
    """A workspace with a bot, a channel and two models."""

    name: str
    workspace: Workspace = field(init=False)
    bot: Bot = field(init=False)
    channel: ChannelConfig = field(init=False)
    models: dict[str, AIModel] = field(init=False)

    def __post_init__(self) -> None:
        self.workspace = Workspace.objects.create(name=self.name)
        provider = AIProvider.objects.create(workspace=self.workspace, slug=self.name, name=self.name, kind="demo")
        self.models = {name: AIModel.objects.create(provider=provider, name=name) for name in ("big", "small")}
        self.bot = self.new_bot(f"{self.name} bot")
        self.channel = self.new_channel(f"{self.name} channel")

    def new_bot(self, name: str) -> Bot:
        slug = f"{self.name}-{Bot.objects.count()}"
        return Bot.objects.create(workspace=self.workspace, slug=slug, name=name)

    def new_channel(self, name: str) -> ChannelConfig:
        slug = f"{self.name}-{ChannelConfig.objects.count()}"
        return ChannelConfig.objects.create(
            workspace=self.workspace, bot=self.bot, kind="webchat", slug=slug, name=name
        )

    def talk(self, *, bot: Bot | None = None, channel: ChannelConfig | None = None, **more: Any) -> Conversation:
        """A conversation that is over."""
        where = channel or self.channel
        person = Person.objects.create(workspace=self.workspace)
        user = ChatUser.objects.create(channel=where, person=person, external_id=str(person.pk))
        return Conversation.objects.create(
            workspace=self.workspace, channel=where, bot=bot or self.bot, chat_id=user.external_id, chat_user=user,
            ended_at=start_of(today()), **more,
        )  # fmt: skip

    def call(
        self, cost: int | None = CENT, *, at: datetime | None = None, model: str = "big",
        talk: Conversation | None = None, tokens: int | None = 100, **more: Any,
    ) -> ModelCall:  # fmt: skip
        """A call with so many tokens in, half of them cached, and a tenth of them out."""
        talk = talk or self.talk()
        turn = Turn.objects.create(conversation=talk, first_seq=Turn.objects.filter(conversation=talk).count() + 1)
        row = self.models[model]
        values = {"model_name": row.reference, "level": "bot", "latency_ms": 5, **more}
        return ModelCall.objects.create(
            turn=turn, model=row, attempt=1, round=1, input_tokens=tokens, cost_nanodollars=cost,
            cached_tokens=None if tokens is None else tokens // 2,
            output_tokens=None if tokens is None else tokens // 10, created_at=at or noon(), **values,
        )  # fmt: skip


@pytest.fixture
def shop(db: None) -> Place:
    return Place("shop")


@pytest.fixture
def other(db: None) -> Place:
    """Another tenant."""
    return Place("other")


def member(place: Place, *permissions: str) -> Any:
    """A member of staff there, with exactly these permissions by name, and no role."""
    user = get_user_model().objects.create_user(f"staff of {place.name}", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    user.memberships.create(workspace=place.workspace, role="none")
    return user


@pytest.fixture
def staff(client: Client, shop: Place) -> Client:
    """The browser of somebody who may read the shop's reports."""
    client.force_login(member(shop, *PERMISSIONS))
    return client


def ago(days: int) -> date:
    return today() - timedelta(days=days)


def ours(text: str) -> str:
    """The part of a page that is not the theme's."""
    return text.partition('<article class="report">')[2].partition("</article>")[0]
