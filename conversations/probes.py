"""A test message of staff to a channel: stored, put in the outbox and sent at once, and kept out of the numbers."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from asgiref.sync import async_to_sync
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from bots import roles
from bots.fields import first_id_at
from channels_integrations.models import ChannelConfig
from channels_integrations.probe import Chat, Told
from channels_integrations.setup import Misconfigured, adapter_of
from conversations import delivery, outbox, ownership
from conversations.events import LONGEST_ID
from conversations.limits import BadText, clean_text, storable
from conversations.models import ChatUser, Conversation, Delivery, Message, Person
from conversations.models.conversation import no_test

TRIED_SECONDS = 120  # after which it is given up: nobody looks any more
LATELY = timedelta(days=30)
MOST_CHATS, LOOKED_AT = 20, 100  # chats, and conversations: one chat has had many
READ = "conversations.view_conversation"


def send(channel_id: uuid.UUID, chat_id: str, text: str, user: Any) -> Told:
    """What became of it. Waits for the platform, SEND_SECONDS at most; the outbox goes on afterwards."""
    try:
        said = clean_text(text).strip()
        adapter_of(channel_id)
    except BadText as bad:
        return Told(state="refused", reason=bad.reason)
    except Misconfigured as error:
        return Told(state="refused", reason=f"The channel is not set up yet: {error}")
    if not chat_id or len(chat_id) > LONGEST_ID or not storable(chat_id):
        return Told(state="refused", reason=f"Say which chat, by an id of at most {LONGEST_ID} characters.")
    message = _stored(channel_id, chat_id, said, user)
    async_to_sync(delivery.deliver)(message.conversation_id)
    return _outcome(message)


def chats(channel_id: uuid.UUID, user: Any) -> list[Chat]:
    """The chats of the last conversations there that this member of staff may read."""
    lately = Conversation.objects.for_actor(user).filter(no_test(), pk__gte=first_id_at(timezone.now() - LATELY))
    here = lately.filter(channel_id=channel_id, erased_at=None, unreachable_at=None).order_by("-pk")
    found: dict[str, Chat] = {}
    for one in here.select_related("chat_user__person")[:LOOKED_AT]:
        if roles.in_workspace(user, one.workspace_id, READ) and one.chat_id not in found:
            found[one.chat_id] = Chat(one.chat_id, _label(one))
    return list(found.values())[:MOST_CHATS]


def _label(conversation: Conversation) -> str:
    """The group's or the person's name, how it began, and the id: names are not unique."""
    name = conversation.metadata.get("chat_name") or str(conversation.chat_user.person)
    began = f"“{conversation.title[:40]}”" if conversation.title else ""
    return " · ".join(part for part in (name, began, conversation.chat_id) if part)


def _stored(channel_id: uuid.UUID, chat_id: str, text: str, user: Any) -> Message:
    """The message, in a conversation of its own that is over: what people say in that chat is another."""
    channel = ChannelConfig.objects.get(pk=channel_id)
    with transaction.atomic():
        conversation = Conversation.objects.create(
            workspace_id=channel.workspace_id, channel=channel, bot_id=channel.bot_id, chat_id=chat_id,
            chat_user=_tester(channel), title="Test message", metadata={"test": True}, ended_at=Now(),
        )  # fmt: skip
        metadata = {"author": ownership.name_of(user), "staff": user.pk}
        message = ownership.add(conversation, role=Message.Role.ASSISTANT, text=text, metadata=metadata)
        parts = outbox.put(message)
        Delivery.objects.filter(pk__in=[part.pk for part in parts]).update(expires_at=outbox.later(TRIED_SECONDS))
    return message


def _tester(channel: ChannelConfig) -> ChatUser:
    """Who stands for whoever gets test messages on this channel: one of ours, not the person in the chat."""
    found: ChatUser | None = ChatUser.objects.filter(channel=channel, external_id="test").first()
    if found is not None:
        return found
    person = Person.objects.create(workspace_id=channel.workspace_id, name="Test messages", metadata={"test": True})
    made: ChatUser = ChatUser.objects.get_or_create(channel=channel, external_id="test", defaults={"person": person})[0]
    return made


def _outcome(message: Message) -> Told:
    """The first part that was not sent says why."""
    states = Delivery.State
    row = message.deliveries.exclude(state=states.SENT).order_by("part").first()
    if row is None:
        sent = message.deliveries.exists()
        return Told(state="sent") if sent else Told(state="refused", reason="This platform is not sent anything.")
    if row.state in (states.FAILED, states.EXPIRED):
        return Told(state="failed", reason=row.reason)
    return Told(state="waiting" if row.state == states.NEW else "unknown", reason=row.reason)
