"""People who write to a platform's bot faster than they are answered: told so once a minute in each of their chats.

What they write meanwhile is stored. No model reads it, and nobody answers it.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db.models.functions import Now

from channels_integrations.base import IncomingMessage
from conversations.models import Conversation, Message

REFUSED = "too_often"  # in a message's metadata
TOLD_EVERY = timedelta(minutes=1)
LATELY = 500  # messages in which the last time is looked for


def is_too_fast(incoming: IncomingMessage) -> bool:
    """Whether it was one too many in its minute."""
    return incoming.raw.get("refused") == REFUSED


def was_told(conversation: Conversation, incoming: IncomingMessage, sender_id: uuid.UUID) -> bool:
    """Whether it was one too many, and its writer heard so here within the last minute, or is just about to."""
    if not is_too_fast(incoming):
        return False
    lately = Message.objects.filter(conversation=conversation, seq__gte=conversation.next_seq - LATELY)
    told = lately.filter(sender_id=sender_id, turn__isnull=False, metadata__refused=REFUSED)
    return bool(told.filter(created_at__gt=Now() - TOLD_EVERY).exists())
