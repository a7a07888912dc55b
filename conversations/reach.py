"""Whether a chat still takes what we send: a person can block a bot, a group can remove it."""

from __future__ import annotations

import uuid

from django.db.models.functions import Now

from channels_integrations.models import ChannelConfig
from conversations.models import Conversation


def changed(channel_id: uuid.UUID, chat_id: str, *, reachable: bool) -> None:
    """The platform takes messages for this chat, from now on or no more."""
    rows = Conversation.objects.filter(channel_id=channel_id, chat_id=chat_id, ended_at=None)
    rows.filter(unreachable_at__isnull=not reachable).update(unreachable_at=None if reachable else Now())


def lost(conversation_id: uuid.UUID) -> None:
    """The platform said that it takes nothing for this chat."""
    Conversation.objects.filter(pk=conversation_id, unreachable_at=None).update(unreachable_at=Now())


def fault(channel_id: uuid.UUID, told: str) -> None:
    """What staff have to mend before anything goes on this channel; "" when it goes again."""
    ChannelConfig.objects.filter(pk=channel_id).exclude(fault=told[:300]).update(fault=told[:300])
