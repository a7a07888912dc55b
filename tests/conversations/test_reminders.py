"""Somebody has waited for a person too long: the team hears of it, once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.db.models.functions import Now

from bots.models import Membership, Workspace
from bots.threads import in_thread
from channels_integrations.setup import Setup
from conversations import reminders
from conversations.models import Conversation
from tests.conversations.socket_client import clients

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]


@pytest.fixture
def team(demo: Setup, settings: Any) -> None:
    settings.EMAIL_URL, settings.PERSON_WAIT_MINUTES = "memorymail://", 5
    members: list[tuple[str, str, dict[str, Any]]] = [
        ("grace", "operator", {}), ("root", "administrator", {}), ("ann", "analyst", {}),
        ("gone", "operator", {"is_active": False}), ("mute", "operator", {"email": ""}),
    ]  # fmt: skip
    for name, role, more in members:
        fields: dict[str, Any] = {"email": f"{name}@bots.example", "is_staff": True, **more}
        user = get_user_model().objects.create_user(name, **fields)
        Membership.objects.create(user=user, workspace=Workspace.default(), role=role)


def waits(minutes: int) -> None:
    Conversation.objects.update(waiting_since=Now() - timedelta(minutes=minutes))


async def test_the_team_is_told_once(team: None) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.ask("where is my order?")
        await one.ask("/human")
        for minutes, sent in ((4, 0), (6, 1), (60, 1)):
            await in_thread(waits, minutes)
            await reminders.remind()
            assert len(mail.outbox) == sent
        letter = mail.outbox[0]
        assert letter.to == ["grace@bots.example", "root@bots.example"]
        assert "where is my order?" in letter.body
        assert "/needs-a-person/" in letter.body


@pytest.mark.parametrize("name", ["EMAIL_URL", "PERSON_WAIT_MINUTES"])
async def test_nobody_is_told_where_that_is_switched_off(team: None, settings: Any, name: str) -> None:
    setattr(settings, name, 0)
    async with clients() as client:
        one = await client().hello()
        await one.ask("/human")
        await in_thread(waits, 60)
        await reminders.remind()
    assert mail.outbox == []


async def test_a_mail_server_that_is_away_stops_nothing(
    team: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(_: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(reminders, "send", away)
    async with clients() as client:
        one = await client().hello()
        await one.ask("/human")
        await in_thread(waits, 60)
        await reminders.remind()
