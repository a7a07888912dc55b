"""A shop whose people have talked, and an operator who reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from bots.fields import first_id_at
from bots.models import Bot, Membership, Workspace
from channels_integrations.models import ChannelConfig
from conversations.models import ChatUser, Conversation, Message, ModelCall, Person, Turn


@dataclass
class Shop:
    """A workspace with one bot and one channel."""

    name: str = "shop"
    workspace: Workspace = field(init=False)
    bot: Bot = field(init=False)
    channel: ChannelConfig = field(init=False)

    def __post_init__(self) -> None:
        self.workspace = Workspace.objects.create(name=self.name)
        self.bot = Bot.objects.create(workspace=self.workspace, slug=self.name, name=f"{self.name} bot")
        self.channel = ChannelConfig.objects.create(
            workspace=self.workspace, bot=self.bot, kind="webchat", slug=self.name, name=f"{self.name} chat"
        )

    def person(self, name: str = "Ada", external_id: str = "") -> ChatUser:
        person = Person.objects.create(workspace=self.workspace, name=name)
        return ChatUser.objects.create(channel=self.channel, person=person, external_id=external_id or str(person.pk))

    def talk(self, *texts: str, who: ChatUser | None = None, at: datetime | None = None, **more: Any) -> Conversation:
        """Of a person's question and an answer in turn; each pair is a turn that was done."""
        user = who or self.person()
        number = Conversation.objects.count()
        values: dict[str, Any] = {"pk": first_id_at(at)} if at else {}
        talk = Conversation.objects.create(
            workspace=self.workspace, channel=self.channel, bot=self.bot, chat_id=f"chat {number}", chat_user=user,
            next_seq=len(texts) + 1, **values, **more,
        )  # fmt: skip
        turn = None
        for seq, text in enumerate(texts, 1):
            asked = seq % 2 == 1
            if asked:
                turn = Turn.objects.create(conversation=talk, first_seq=seq, state="done", attempts=1)
            Message.objects.create(
                conversation=talk, channel=self.channel, turn=turn, seq=seq, text=text,
                role="user" if asked else "assistant", sender=user if asked else None,
            )  # fmt: skip
        return talk

    def call(self, turn: Turn, cost: int | None, **more: Any) -> ModelCall:
        values: dict[str, Any] = {"input_tokens": 1_200, "cached_tokens": 200, "output_tokens": 30, **more}
        return ModelCall.objects.create(
            turn=turn, model_name="own/big", level="bot", attempt=1, round=1, latency_ms=1_500, first_token_ms=400,
            cost_nanodollars=cost, **values,
        )  # fmt: skip


@pytest.fixture
def shop(db: None) -> Shop:
    return Shop()


@pytest.fixture
def other(db: None) -> Shop:
    """Another tenant."""
    return Shop("other")


def signed_in(client: Client, shop: Shop, role: str) -> Any:
    user = get_user_model().objects.create_user(f"{role} of {shop.name}", first_name="Grace", is_staff=True)
    Membership.objects.create(user=user, workspace=shop.workspace, role=role)
    client.force_login(user)
    return user


@pytest.fixture
def operator(client: Client, shop: Shop) -> Client:
    signed_in(client, shop, "operator")
    return client


def page(row: Any, name: str = "change") -> str:
    arguments = [] if name == "changelist" else [row.pk]
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{name}", args=arguments)


def listed(answer: Any) -> list[Any]:
    """The rows of a list, in their order."""
    assert answer.status_code == 200, answer.status_code
    return [row.pk for row in answer.context["cl"].result_list]
