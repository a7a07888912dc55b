"""What people of the team say: through the outbox, to whatever channel the person writes on."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction

from conversations import outbox, ownership
from conversations.limits import clean_text
from conversations.models import Message


def reply(conversation_id: uuid.UUID, user: Any, text: str) -> Message:
    """The stored reply; who replies takes the conversation. Ring its delivery. Raises ownership.Over, BadText."""
    said = clean_text(text).strip()
    ownership.take(conversation_id, user)
    with transaction.atomic():
        conversation = ownership.locked(conversation_id)
        metadata = {"author": ownership.name_of(user), "staff": user.pk}
        message = ownership.add(conversation, role=Message.Role.ASSISTANT, text=said, metadata=metadata)
        outbox.put(message)
    return message
