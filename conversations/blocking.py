"""People who are not answered any more: what they write is stored, and once an hour they are told how it stands."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from conversations.models import Conversation, Message, Person, Turn

REFUSED = "blocked"  # in a message's metadata: no model reads it
TOLD_EVERY = timedelta(hours=1)


def block(person_id: uuid.UUID) -> bool:
    """Whether they are blocked by this call; what is being answered to them is stopped."""
    with transaction.atomic():
        blocked = Person.objects.filter(pk=person_id, blocked_at=None).update(blocked_at=Now(), blocked_told_at=None)
        asked = Message.objects.filter(sender__person=person_id, turn__finished_at=None).values("turn")
        Turn.objects.filter(pk__in=asked).stop("the person was blocked")
    return bool(blocked)


def unblock(person_id: uuid.UUID) -> bool:
    """Whether they are answered again by this call."""
    return bool(Person.objects.filter(pk=person_id, blocked_at__isnull=False).update(blocked_at=None))


def is_blocked(chat_user_id: uuid.UUID) -> bool:
    """Whether nobody answers this account's person."""
    return bool(Person.objects.filter(chat_users=chat_user_id, blocked_at__isnull=False).exists())


def writer(conversation: Conversation, chat_user_id: uuid.UUID) -> Person:
    """Whose message it is: in a shared chat not always who began it."""
    first = conversation.chat_user
    found: Person = first.person if first.pk == chat_user_id else Person.objects.get(chat_users=chat_user_id)
    return found


def remark(person: Person) -> dict[str, str]:
    """What a message of theirs says of itself, in its metadata."""
    return {"refused": REFUSED} if person.blocked_at is not None else {}


def may_tell(person: Person) -> bool:
    """Whether it is time to tell a blocked person that nobody answers; asked by many, one of them hears yes."""
    due = Q(blocked_told_at=None) | Q(blocked_told_at__lte=Now() - TOLD_EVERY)
    return bool(Person.objects.filter(due, pk=person.pk).update(blocked_told_at=Now()))
