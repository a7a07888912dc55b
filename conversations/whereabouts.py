"""Where a channel is: its address for webhooks, what people can call there, and the chats of the last day."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta

from django.conf import settings
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Now
from django.urls import reverse

from bots.threads import in_thread
from channels_integrations import flags
from channels_integrations.base import Command, Place
from channels_integrations.setup import setup_of
from conversations.commands.base import commands
from conversations.listeners import MENU
from conversations.models import Conversation, Message

RECENT = timedelta(hours=24)


def place_of(channel_id: uuid.UUID, kind: str) -> Place:
    """What the channel's adapter has to know of us."""

    async def chats() -> Mapping[str, str]:
        return await in_thread(recent, channel_id)

    return Place(
        channel_id=str(channel_id), webhook=webhook_of(channel_id, kind), commands=menu(channel_id), recent=chats
    )


def recent(channel_id: uuid.UUID) -> dict[str, str]:
    """Chats in which something was said within a day, and the last event id that is known of each."""
    said = Message.objects.filter(conversation=OuterRef("pk"), event_id__isnull=False).order_by("-seq")
    said = said.exclude(metadata__has_key="invoked")  # presses and commands are heard out of order
    chats = Conversation.objects.filter(channel_id=channel_id, last_activity__gt=Now() - RECENT).order_by("pk")
    known = chats.annotate(event=Subquery(said.values("event_id")[:1])).exclude(event=None)
    return dict(known.values_list("chat_id", "event"))


def webhook_of(channel_id: uuid.UUID, kind: str) -> str:
    """The channel's address for its platform; "" where we have none that is public and safe."""
    base = settings.PUBLIC_URL
    return f"{base}{reverse('webhook', args=[kind, channel_id])}" if base.startswith("https://") else ""


def menu(channel_id: uuid.UUID) -> tuple[Command, ...]:
    """What people can call on this channel."""
    now = flags.values(setup_of(channel_id).workspace_id, channel_id)  # what is registered stays for long
    if not all(now[name] for name in MENU):
        return ()
    return tuple(Command(c.name, c.help) for c in commands.values() if not c.alias_of)
