"""A channel that staff have switched off for a while: what people wrote is kept, and they are told so once an hour.

No model is called, and nothing is answered afterwards that was told of: the bot sees it when it is written to again.
"""

from __future__ import annotations

import time
import uuid
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import translation

from channels_integrations.setup import Setup
from conversations import languages, notices, outbox, ownership
from conversations.models import Conversation, Message, Turn
from conversations.models.turn import OPEN

HOUR = 3600
REASON = "the channel was switched off"


def tell(setup: Setup, conversation: Conversation) -> Message | None:
    """The notice, stored for whoever began the conversation, whose row is locked here; None where they heard it.

    Its `event_id` makes it one an hour, in whatever conversation and process: two at once are no rows of their own.
    """
    name, hour = f"paused:{conversation.chat_user_id}", int(time.time()) // HOUR
    heard = Message.objects.filter(
        channel_id=setup.channel_id,
        event_id__in=[f"{name}:{number}" for number in (hour - 1, hour, hour + 1)],
        created_at__gt=Now() - timedelta(seconds=HOUR),
    )
    if heard.exists():
        return None
    with translation.override(languages.of(conversation.chat_user.person.language)):
        text = notices.paused(setup.pause_message)
    notice = ownership.add(
        conversation,
        role=Message.Role.ASSISTANT,
        text=text,
        in_context=False,
        event_id=f"{name}:{hour}",
        metadata={"paused": True},
    )
    outbox.put(notice)
    return notice


def settle(setup: Setup, conversation_id: uuid.UUID) -> None:
    """End what still waits to be answered there, told of; what runs is stopped by its holder.

    Nothing, where `setup` is older than the end of the break: it is answered as soon as the new one is known here.
    """
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    rows = Conversation.objects.select_for_update(of=("self",)).select_related("chat_user__person")
    with transaction.atomic():
        here = rows.filter(free, pk=conversation_id, owner=Conversation.Owner.BOT, channel__paused_at__isnull=False)
        conversation = here.first()
        if conversation is None:
            return
        waiting = Turn.objects.filter(conversation=conversation, state__in=OPEN)
        if waiting.update(state=Turn.State.STOPPED, reason=REASON, finished_at=Now()):
            held = Conversation.objects.filter(pk=conversation_id)
            held.update(lease_until=None, lease_token=F("lease_token") + 1)  # a holder that slept wakes too late
            tell(setup, conversation)


def take_up(message_id: uuid.UUID) -> Message:
    """The message that was told of, sent once more after the channel was switched on: it has its turn now."""
    with transaction.atomic():
        rows = Message.objects.select_for_update(of=("self",)).select_related("conversation")
        message: Message = rows.get(pk=message_id)
        if message.turn_id is None and message.conversation.owner == Conversation.Owner.BOT:
            message.turn = Turn.objects.create(conversation=message.conversation, first_seq=message.seq)
            message.save(update_fields=["turn"])
    return message
