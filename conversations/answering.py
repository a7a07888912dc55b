"""Whether the bot answers what somebody says."""

from __future__ import annotations

import uuid

from channels_integrations.base import IncomingMessage
from conversations import blocking, haste, merging
from conversations.models import Conversation, Person


def is_due(conversation: Conversation, incoming: IncomingMessage, writer: Person, sender_id: uuid.UUID) -> bool:
    """Whether the bot says something to this message: not again to whoever was just told why it does not."""
    if conversation.owner != Conversation.Owner.BOT:
        return False
    if writer.blocked_at is not None and not blocking.may_tell(writer):
        return False
    return not (merging.is_more_of_it(conversation, incoming) or haste.was_told(conversation, incoming, sender_id))
