"""The team's socket: who waits, and answering on whatever channel."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client as Browser

from bots.models import Membership, Workspace
from bots.threads import in_thread
from channels_integrations.setup import Setup
from conversations.models import Conversation
from tests.conversations.socket_client import Client, clients

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]


def signed_in(role: str | None, workspace: Workspace | None = None) -> tuple[bytes, bytes]:
    """The cookie header of a member of staff."""
    user = get_user_model().objects.create_user(f"grace-{role}", first_name="Grace", is_staff=True)
    if role:
        Membership.objects.create(user=user, workspace=workspace or Workspace.default(), role=role)
    browser = Browser()
    browser.force_login(user)
    return (b"cookie", f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}".encode())


async def team(client: Any, header: tuple[bytes, bytes]) -> Client:
    made: Client = client(header, path="/ws/staff/")
    assert (await made.socket.connect(10))[0]
    return made


async def tell(client: Client, kind: str, conversation: Any, **more: Any) -> None:
    await client.raw(json.dumps({"type": kind, "conversation": str(conversation), **more}))


async def test_a_person_is_called_answers_and_gives_back(demo: Setup) -> None:
    header = await in_thread(signed_in, "operator")
    async with clients() as client:
        grace = await team(client, header)
        assert (await grace.until("queue"))["items"] == []
        ada = await client().hello()
        await ada.ask("my name is Ada")
        await ada.ask("/human")
        waiting = (await grace.until("queue"))["items"]
        here = ada.ready["conversation"]
        assert [(item["id"], item["owner"]) for item in waiting] == [(here, "waiting")]
        await tell(grace, "open", here)
        assert (await grace.until("opened"))["title"] == "my name is Ada"
        assert len((await grace.until("history"))["messages"]) == 4
        await tell(grace, "typing", here)
        await ada.until("typing")
        await tell(grace, "reply", here, text="I am here.")
        assert (await ada.until("message", role="assistant"))["author"] == "Grace"
        assert (await grace.until("message", role="assistant"))["text"] == "I am here."
        assert (await grace.until("queue"))["items"][0]["owner"] == "human"
        await tell(grace, "open", here)
        assert (await grace.until("opened"))["assigned_to"] == "grace-operator"
        await ada.say("thank you")
        assert (await grace.until("message", role="user"))["text"] == "thank you"
        await tell(grace, "hand_back", here)
        assert (await grace.until("queue"))["items"] == []
        assert "Ada" in await ada.ask("what is my name?")


@pytest.mark.parametrize("role", [None, "analyst"])
async def test_who_may_not_answer_is_not_let_in(demo: Setup, role: str | None) -> None:
    header = await in_thread(signed_in, role)
    async with clients() as client:
        for headers in (
            [header],
            [(b"cookie", b"sessionid=forged")],
            [],
            [header, (b"origin", b"https://evil.example")],
        ):
            made = client(*headers, path="/ws/staff/")
            assert (await made.socket.connect(10))[0] is False


async def test_conversations_of_another_workspace_are_not_there(demo: Setup) -> None:
    other = await in_thread(lambda: Workspace.objects.create(name="Other"))
    header = await in_thread(signed_in, "administrator", other)
    async with clients() as client:
        ada = await client().hello()
        await ada.ask("/human")
        grace = await team(client, header)
        assert (await grace.until("queue"))["items"] == []
        for kind in ("open", "take", "hand_back", "typing", "reply"):
            await tell(grace, kind, ada.ready["conversation"], text="x")
            assert (await grace.until("error"))["code"] == "not_found"
    assert (await in_thread(Conversation.objects.get)).owner == "waiting"


async def test_rights_that_were_taken_away_end_at_once(demo: Setup) -> None:
    header = await in_thread(signed_in, "operator")
    async with clients() as client:
        ada = await client().hello()
        await ada.ask("/human")
        grace = await team(client, header)
        await in_thread(lambda: Membership.objects.all().delete())
        await tell(grace, "reply", ada.ready["conversation"], text="x")
        assert (await grace.until("error"))["code"] == "not_found"


async def test_bad_frames_are_told(demo: Setup) -> None:
    header = await in_thread(signed_in, "operator")
    async with clients() as client:
        ada = await client().hello()
        await ada.ask("/human")
        grace = await team(client, header)
        for text in ("", "[]", '{"type":"open"}', '{"type":"eat","conversation":"x"}'):
            await grace.raw(text)
            assert (await grace.until("error"))["code"] == "bad_frame"
        await tell(grace, "reply", ada.ready["conversation"], text="x" * 9_000)
        assert (await grace.until("error"))["code"] == "too_long"
        await in_thread(lambda: Conversation.objects.update(ended_at="2026-01-01T00:00Z"))
        await tell(grace, "take", ada.ready["conversation"])
        assert (await grace.until("error"))["code"] == "over"
