"""A channel's page: groups in plain words, addresses to copy, a break, flags, and a test message."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as installed
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.utils.html import escape

from bots.models import Bot, Membership, Workspace
from bots.remember import forget
from channels_integrations.base import IncomingMessage
from channels_integrations.models import ChannelConfig, FeatureFlag, FlagChange
from channels_integrations.setup import setup_of
from conversations import probes
from conversations.accept import accept
from conversations.models import Conversation, Delivery, Message, ModelCall, Turn
from conversations.models.conversation import no_test
from tests.config.test_admin import form_of, url
from tests.fakes.webhook_receiver import Answer, Receiver

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/admin/channels_integrations/channelconfig/"


def test_a_new_channel_leads_to_its_settings(staff: Client) -> None:
    page = staff.get(url(ChannelConfig, "add"))
    shown = page.context["adminform"].form.initial
    assert (shown["kind"], shown["bot"]) == ("webchat", Bot.objects.get().pk)
    made = staff.post(
        url(ChannelConfig, "add"),
        {"name": "Shop", "kind": "webchat", "bot": str(Bot.objects.get().pk), "slug": "shop", "is_active": "on"},
        follow=True,
    )
    channel = ChannelConfig.objects.get(slug="shop")
    assert made.redirect_chain[-1][0] == url(channel)
    assert "Now fill in what Web chat needs." in made.content.decode()
    assert staff.get("/chat/shop/").status_code == 200


def test_without_a_bot_the_form_says_what_comes_first(staff: Client) -> None:
    ChannelConfig.objects.update(archived_at="2026-01-01T00:00Z")
    Bot.objects.update(archived_at="2026-01-01T00:00Z")
    assert "Make a bot first." in staff.get(url(ChannelConfig, "add")).content.decode()
    assert "There is no channel yet." in staff.get(LIST).content.decode()


def test_addresses_can_be_copied(staff: Client, chat: ChannelConfig, hook: ChannelConfig, settings: Any) -> None:
    settings.PUBLIC_URL = "https://bots.example"
    page = staff.get(url(hook)).content.decode()
    assert f'<code class="snippet">https://bots.example/webhooks/webhook/{hook.pk}/</code> <button' in page
    page = staff.get(url(chat)).content.decode()
    assert '<code class="snippet">https://bots.example/chat/demo/</code> <button' in page
    assert escape('<script src="https://bots.example/static/webchat/widget.js"') in page
    assert 'href="https://bots.example/chat/demo/"' in page and "Send a test message" not in page


def test_the_list_and_the_page_say_what_is_wrong(staff: Client, hook: ChannelConfig) -> None:
    assert "Not set up yet" not in staff.get(LIST).content.decode()
    ChannelConfig.objects.filter(pk=hook.pk).update(credentials=None)
    forget()
    for page in (LIST, url(hook)):
        assert "Not set up yet. “Signing secret” is not filled in." in staff.get(page).content.decode()


def test_a_break_is_begun_and_ended_on_the_page(staff: Client, chat: ChannelConfig) -> None:
    data = form_of(staff.get(url(chat)))
    on = {**data, "is_paused": "on", "pause_message": "Back on Monday."}
    assert staff.post(url(chat), on).status_code == 302
    setup = setup_of(chat.pk)
    assert (setup.paused, setup.pause_message) == (True, "Back on Monday.")
    assert "Switched off since" in staff.get(LIST).content.decode()
    since = ChannelConfig.objects.get(pk=chat.pk).paused_at
    assert staff.post(url(chat), {**on, "name": "Renamed"}).status_code == 302
    assert ChannelConfig.objects.get(pk=chat.pk).paused_at == since
    assert staff.post(url(chat), {**data, "pause_message": "Back on Monday."}).status_code == 302
    setup = setup_of(chat.pk)
    assert (setup.paused, setup.pause_message) == (False, "Back on Monday.")  # kept for the next time
    assert "Switched off for now" in LogEntry.objects.all()[0].get_change_message()


def test_a_channel_that_cannot_be_saved_can_be_stopped(staff: Client, hook: ChannelConfig) -> None:
    ChannelConfig.objects.filter(pk=hook.pk).update(credentials=None)
    for action, paused in (("switch_off", True), ("switch_on", False)):
        told = staff.post(LIST, {"action": action, "_selected_action": [str(hook.pk)]}, follow=True)
        assert "1 channel is" in told.content.decode()
        assert setup_of(hook.pk).paused is paused


def test_flags_of_a_channel_have_boxes_of_their_kind_and_say_what_is_allowed(
    staff: Client, chat: ChannelConfig
) -> None:
    workspace = chat.workspace_id
    FeatureFlag.objects.put(
        "max_conversation_length", 50, workspace_id=workspace, channel_id=None, who=staff_user(staff)
    )  # fmt: skip
    page = staff.get(url(chat))
    fields = page.context["adminform"].form.fields
    assert fields["flag_max_conversation_length"].widget.input_type == "number"
    assert "Empty: as in the workspace, 50." in page.content.decode()
    assert [text for _, text in fields["flag_enable_tools"].widget.choices] == ["As in the workspace (on)", "On", "Off"]
    data = form_of(page)
    for wrong in ("0", "-1", "1.5", "many", "2147483648", "true"):
        refused = staff.post(url(chat), {**data, "flag_max_conversation_length": wrong})
        fault = str(refused.context["adminform"].form.errors["flag_max_conversation_length"])
        assert "takes a whole number from 1 to 2,147,483,647" in fault, wrong
    refused = staff.post(url(chat), {**data, "flag_enable_tools": "perhaps"})
    assert "takes on or off" in str(refused.context["adminform"].form.errors["flag_enable_tools"])
    assert staff.post(
        url(chat), {**data, "flag_max_conversation_length": "7", "flag_enable_tools": "false"}
    ).status_code == 302  # fmt: skip
    held = setup_of(chat.pk).flags
    assert (held["max_conversation_length"], held["enable_tools"], held["enable_commands"]) == (7, False, True)
    again = form_of(staff.get(url(chat)))
    assert (again["flag_max_conversation_length"], again["flag_enable_tools"]) == ("7", "false")
    before = FlagChange.objects.count()
    assert staff.post(url(chat), again).status_code == 302
    assert FlagChange.objects.count() == before  # nothing was changed
    assert staff.post(url(chat), data).status_code == 302
    assert setup_of(chat.pk).flags["max_conversation_length"] == 50
    changes = FlagChange.objects.filter(name="max_conversation_length").order_by("id")
    assert [(row.was, row.became, row.by) for row in changes] == [
        (None, "50", "grace"), (None, "7", "grace"), ("7", None, "grace"),
    ]  # fmt: skip


def staff_user(client: Client) -> Any:
    from django.contrib.auth import get_user_model

    return get_user_model().objects.get(pk=client.session["_auth_user_id"])


def send(staff: Client, channel: ChannelConfig, **more: str) -> dict[str, str]:
    """What the page is told."""
    said = {"chat_id": "room-1", "text": "A test.", **more}
    answer = staff.post(f"{LIST}{channel.pk}/test/", said, headers={"accept": "application/json"})
    assert answer.status_code == 200
    found: dict[str, str] = answer.json()
    return found


def test_a_test_message_goes_through_the_outbox_and_stays_out_of_the_numbers(
    staff: Client, hook: ChannelConfig, receiver: Receiver
) -> None:
    assert send(staff, hook) == {"state": "sent", "text": "Sent: the platform took it."}
    assert [(call.body["chat_id"], call.body["text"], call.genuine) for call in receiver.calls] == [
        ("room-1", "A test.", True)
    ]
    assert Delivery.objects.get().state == "sent"
    here = Conversation.objects.get()
    assert (here.metadata, here.status, here.chat_id) == ({"test": True}, "ended", "room-1")
    turn = Turn.objects.create(conversation=here, first_seq=1)
    ModelCall.objects.create(turn=turn, model_name="m", level="bot", attempt=1, round=1, latency_ms=1)
    assert not ModelCall.objects.filter(no_test("turn__conversation__")).exists()
    send(staff, hook)
    assert Conversation.objects.count() == 2 and Message.objects.count() == 2


def wrote(channel: ChannelConfig, chat: str, *, who: str = "Ada", name: str = "", text: str = "Hello") -> None:
    """Somebody wrote to the bot there."""
    incoming = IncomingMessage(
        event_id=uuid.uuid4().hex, chat_id=chat, chat_name=name, sender_id=who, sender_name=who, text=text
    )
    accept(setup_of(channel.pk), incoming)


def offered(client: Client, channel: ChannelConfig) -> list[tuple[str, str]]:
    """The chats that can be chosen on the channel's page, and how each is called."""
    return [(chat.chat_id, chat.label) for chat in client.get(url(channel)).context["probe"]["chats"]]


def test_recent_chats_are_offered_by_their_names(
    staff: Client, hook: ChannelConfig, chat: ChannelConfig, receiver: Receiver
) -> None:
    assert "Nobody has written to the bot lately." in staff.get(url(hook)).content.decode()
    wrote(hook, "r1", text="which <bicycle>?")
    wrote(hook, "g1", who="Ben", name="Bicycle shop")
    wrote(chat, "r2")
    send(staff, hook)  # no chat of anybody's
    assert offered(staff, hook) == [
        ("g1", "Bicycle shop · “Hello” · g1"), ("r1", "Ada · “which <bicycle>?” · r1"),
    ]  # fmt: skip
    page = staff.get(url(hook)).content.decode()
    assert '<option value="r1">Ada · “which &lt;bicycle&gt;?” · r1</option>' in page
    assert send(staff, hook, chat="g1", chat_id="")["state"] == "sent"
    assert send(staff, hook, chat="g1", chat_id="other")["state"] == "sent"
    assert send(staff, hook, chat="-", chat_id="other")["state"] == "sent"
    assert [call.body["chat_id"] for call in receiver.calls] == ["room-1", "g1", "other", "other"]
    assert "Say which chat" in send(staff, hook, chat="-", chat_id="")["text"]


def test_a_chat_is_offered_once_and_none_that_takes_nothing(staff: Client, hook: ChannelConfig) -> None:
    for number in range(22):
        wrote(hook, f"r{number}")
    Conversation.objects.filter(chat_id="r21").update(unreachable_at="2026-01-01T00:00Z")
    Conversation.objects.filter(chat_id="r20").update(ended_at="2026-01-01T00:00Z")
    wrote(hook, "r20")
    found = [chat_id for chat_id, _label in offered(staff, hook)]
    assert found == [f"r{number}" for number in range(20, 0, -1)]


def test_who_may_not_read_conversations_is_offered_no_chats(staff: Client, hook: ChannelConfig, client: Client) -> None:
    wrote(hook, "r1")
    user = get_user_model().objects.create_user("eve", is_staff=True)
    rights = Permission.objects.filter(codename__in=["view_channelconfig", "change_channelconfig"])
    user.user_permissions.set(rights)
    Membership.objects.create(user=user, workspace_id=hook.workspace_id, role="analyst")
    assert probes.chats(hook.pk, user)
    Membership.objects.filter(user=user).delete()
    assert not probes.chats(hook.pk, get_user_model().objects.get(pk=user.pk))
    other = Workspace.objects.create(name="Other")
    Membership.objects.create(user=user, workspace=other, role="administrator")
    assert not probes.chats(hook.pk, get_user_model().objects.get(pk=user.pk))


@pytest.mark.parametrize(
    ("answer", "state", "told"),
    [
        (Answer(status=410), "failed", "Not sent: the platform refused it. HTTP 410"),
        (Answer(status=503), "waiting", "Not sent yet; it is tried again for two minutes. HTTP 503"),
    ],
)
def test_the_platforms_reason_is_told(
    staff: Client, hook: ChannelConfig, receiver: Receiver, answer: Answer, state: str, told: str
) -> None:
    receiver.script(answer)
    assert send(staff, hook) == {"state": state, "text": told}


def test_a_platform_that_hangs_is_not_waited_for_long(
    staff: Client, hook: ChannelConfig, receiver: Receiver, settings: Any
) -> None:
    settings.SEND_SECONDS = 0.3
    receiver.script(Answer(hang=2))
    assert "the platform did not answer" in send(staff, hook)["text"]


def test_what_cannot_be_sent_says_why(
    staff: Client, hook: ChannelConfig, chat: ChannelConfig, receiver: Receiver
) -> None:
    assert "There is nothing in this message." in send(staff, hook, text="  ")["text"]
    assert "Say which chat" in send(staff, hook, chat_id=" ")["text"]
    assert "Say which chat" in send(staff, hook, chat_id="\0")["text"]
    assert "Say which chat" in send(staff, hook, chat_id="x" * 201)["text"]
    assert "This platform is not sent anything." in send(staff, chat)["text"]
    ChannelConfig.objects.filter(pk=hook.pk).update(credentials=None)
    forget()
    assert "The channel is not set up yet: “Signing secret”" in send(staff, hook)["text"]
    assert receiver.calls == []


def test_without_scripts_the_page_comes_back_with_the_outcome(staff: Client, hook: ChannelConfig) -> None:
    told = staff.post(f"{LIST}{hook.pk}/test/", {"chat_id": "r", "text": "t"}, follow=True)
    assert told.redirect_chain[-1][0] == url(hook)
    assert "Sent: the platform took it." in told.content.decode()
    assert staff.get(f"{LIST}{hook.pk}/test/").status_code == 405
    assert staff.post(f"{LIST}{uuid.uuid4()}/test/").status_code == 404


class Wire:
    """Connections that were opened, and whether a transaction was open then."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, bool]] = []
        self.listens = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.listens and event == "socket.connect":
            self.seen.append((arguments[1], connection.in_atomic_block))


WIRE = Wire()
sys.addaudithook(WIRE)  # for good: there is no way to take it back


@pytest.fixture
def wire() -> Iterator[Wire]:
    WIRE.seen.clear()
    WIRE.listens = True
    yield WIRE
    WIRE.listens = False


def test_saving_calls_nobody(
    staff: Client, chat: ChannelConfig, hook: ChannelConfig, receiver: Receiver, wire: Wire
) -> None:
    for channel in (chat, hook):
        data = form_of(staff.get(url(channel)))
        for change in ({"name": "New"}, {"is_paused": "on"}, {"flag_enable_tools": "false"}):
            assert staff.post(url(channel), {**data, **change}).status_code == 302
    redis = installed.REDIS_URL
    strangers = [place for place, _ in wire.seen if not redis or str(place[1]) not in redis]
    assert strangers == [] and receiver.calls == []
    send(staff, hook)
    assert [inside for place, inside in wire.seen if str(place[1]) in receiver.url] == [False]
