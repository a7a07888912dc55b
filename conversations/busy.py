"""Who waits long for a place is told so: once, by a notice that is kept, wherever they are. The answer still comes.

Not who waits on purpose (a merge window, a break, a person of the team), nor programs that ask for one answer.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone, translation

from conversations import languages, notices, outbox, ownership
from conversations.models import Conversation, Message, Turn
from conversations.models.turn import OPEN
from conversations.undone import UNHELD

NAME = "busy:"  # how the notices' event ids begin
AT_A_TIME, TIMES = 20, 5  # of a look, so that telling does not become the load


def is_late(since: datetime | None) -> bool:
    """Whether who has waited since then is to be told."""
    return since is not None and timezone.now() - since > timedelta(seconds=settings.BUSY_SECONDS)


def tell(kept: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """Conversations in which a notice was stored just now, longest waiting first; AT_A_TIME at most.

    `kept`: turns that are claimed and wait for a place all the same; all others are those that nobody holds.
    """
    return [conversation_id for turn_id, conversation_id in _late(kept) if _notice(turn_id, conversation_id)]


def _late(kept: Sequence[uuid.UUID]) -> list[tuple[uuid.UUID, uuid.UUID]]:
    told = Message.objects.filter(
        conversation=OuterRef("conversation"), seq__gt=OuterRef("first_seq"), event_id__startswith=NAME
    )
    rows = Turn.objects.filter(
        ~Exists(told),
        UNHELD | Q(pk__in=kept),
        ~Q(conversation__metadata__has_key="stateless"),
        state__in=OPEN,
        run_after__lt=Now() - timedelta(seconds=settings.BUSY_SECONDS),
        conversation__owner=Conversation.Owner.BOT,
        conversation__erased_at=None,
        conversation__channel__paused_at=None,
    )
    return list(rows.order_by("run_after").values_list("pk", "conversation_id")[:AT_A_TIME])


def _notice(turn_id: uuid.UUID, conversation_id: uuid.UUID) -> bool:
    """Whether it was stored: by nobody else meanwhile, and the turn is still open."""
    rows: Any = Conversation.objects.select_for_update(of=("self",)).select_related("chat_user__person")
    with transaction.atomic():
        conversation = rows.filter(pk=conversation_id, owner=Conversation.Owner.BOT, erased_at=None).first()
        first = Turn.objects.filter(pk=turn_id, state__in=OPEN).values_list("first_seq", flat=True).first()
        if conversation is None or first is None:
            return False
        if conversation.messages.filter(seq__gt=first, event_id__startswith=NAME).exists():
            return False
        with translation.override(languages.of(conversation.chat_user.person.language)):
            text = notices.busy()
        notice = ownership.add(
            conversation, role=Message.Role.ASSISTANT, text=text, in_context=False, event_id=f"{NAME}{turn_id}",
            metadata={"busy": True},
        )  # fmt: skip
        outbox.put(notice)
    return True
