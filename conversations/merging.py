"""Quick messages of one person become one turn: people send one thought in three lines."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db.models.functions import Now

from channels_integrations.base import IncomingMessage
from channels_integrations.setup import Setup
from conversations.models import Conversation, Message, Turn
from conversations.outbox import later

ALBUM = 20  # messages in which the rest of an album is looked for
MOST = 3  # windows, after which whoever goes on writing is answered all the same


def window(setup: Setup, incoming: IncomingMessage) -> int:
    """Seconds that an answer waits for more of the same person: none for commands, and for what is not read."""
    alone = incoming.text.lstrip().startswith("/") or "refused" in incoming.raw
    return 0 if alone else int(setup.flags["merge_window"])


def is_more_of_it(conversation: Conversation, incoming: IncomingMessage) -> bool:
    """Whether it is another picture of an album whose first one is answered already."""
    album = incoming.raw.get("album")
    if not album:
        return False
    recent = Message.objects.filter(conversation=conversation, seq__gte=conversation.next_seq - ALBUM)
    return bool(recent.filter(metadata__album=album, turn__isnull=False).exists())


def end_waiting(conversation: Conversation) -> None:
    """What waits for more of somebody waits no longer: something comes behind it that is to be answered after it."""
    Turn.objects.filter(conversation=conversation, state=Turn.State.QUEUED, run_after__gt=Now()).update(run_after=Now())


def joined(conversation: Conversation, sender_id: uuid.UUID, seconds: int) -> Turn | None:
    """The turn that still waits for more of this person, waiting anew; None when there is none."""
    queued = Turn.objects.filter(conversation=conversation, state=Turn.State.QUEUED, run_after__gt=Now())
    turn: Turn | None = queued.filter(attempts=0).order_by("-first_seq").first()
    if turn is None or Message.objects.filter(turn=turn).exclude(sender_id=sender_id).exists():
        return None
    newer = Message.objects.filter(conversation=conversation, seq__gt=turn.first_seq).exclude(turn=turn)
    if newer.exists():
        return None
    patient = Turn.objects.filter(pk=turn.pk, created_at__gt=Now() - timedelta(seconds=seconds * (MOST - 1)))
    patient.update(run_after=later(seconds))
    return turn
