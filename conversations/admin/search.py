"""Finding people and their conversations by what staff know: a name, an id, part of neither.

People are found first, and what is theirs by their ids: joined in one statement, PostgreSQL walks the whole ledger.
"""

from __future__ import annotations

import uuid
from typing import Any

from channels_integrations.models import ChannelConfig
from conversations.models import ChatUser, Person

MOST_PEOPLE = 300  # the newest of a name that many have


def conversations(user: Any, rows: Any, term: str) -> Any:
    """Those of the people who fit, or the one of this very id."""
    exact = _id(term)
    if exact is not None and (found := rows.filter(pk=exact)).exists():
        return found
    accounts = ChatUser.objects.filter(person__in=_people(user, term)).values_list("pk", flat=True)
    return rows.filter(chat_user__in=list(accounts))


def people(user: Any, rows: Any, term: str) -> Any:
    """Who is called so, or has this id on a channel."""
    return rows.filter(pk__in=_people(user, term))


def _people(user: Any, term: str) -> list[uuid.UUID]:
    term = term.strip().replace("\0", "")
    channels = list(ChannelConfig.objects.for_actor(user).values_list("pk", flat=True))
    accounts = ChatUser.objects.filter(channel__in=channels, external_id=term)
    known = list(accounts.values_list("person", flat=True)[:MOST_PEOPLE])
    named = Person.objects.for_actor(user).filter(name__icontains=term).order_by("-pk")
    return known + list(named.values_list("pk", flat=True)[:MOST_PEOPLE])


def _id(term: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(term.strip())
    except ValueError:
        return None
