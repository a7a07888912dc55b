"""Who a visitor is, by the word of the site that embeds the chat: its user's id, signed with the channel's key."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from django.db import transaction
from django.db.models.functions import Now

from channels_integrations.setup import Setup, adapter_of
from conversations import sessions
from conversations.accept import retrying
from conversations.limits import storable
from conversations.models import ChatUser, Conversation, Message, Person

LONGEST = 150  # characters of a user's id


class BadIdentity(Exception):
    """Nobody who knows the channel's key said so."""


def check(setup: Setup, user: str, digest: str) -> None:
    """Raises BadIdentity unless `digest` is the hex HMAC-SHA256 of `user` with the channel's identity key."""
    key = adapter_of(setup.channel_id).config.identity_key
    if key is None or not 1 <= len(user) <= LONGEST or not storable(user):
        raise BadIdentity
    expected = hmac.new(key.get_secret_value().encode(), user.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), digest.lower().encode("utf-8", "replace")):
        raise BadIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the site says of its user."""

    user: str
    name: str = ""
    language: str = ""


def recognise(setup: Setup, visitor: str, who: Known) -> str:
    """The visitor that this user is on every device. What they said here before they were known is theirs too.

    The browser's own token is a stranger's again: who signs out leaves nothing behind.
    """
    return retrying(lambda: _recognise(setup, visitor, f"user:{who.user}", who))


def _recognise(setup: Setup, visitor: str, known_as: str, who: Known) -> str:
    account = _account(setup, known_as, who)
    transaction.on_commit(lambda: sessions.drop(setup.channel_id, visitor, visitor))
    stranger = (
        ChatUser.objects.select_related("person").filter(channel_id=setup.channel_id, external_id=visitor).first()
    )
    if stranger is None:
        return known_as
    before = Conversation.objects.filter(channel_id=setup.channel_id, chat_id=visitor)
    if Conversation.objects.filter(channel_id=setup.channel_id, chat_id=known_as, ended_at=None).exists():
        before.filter(ended_at=None).update(ended_at=Now())
    before.update(chat_id=known_as)
    Conversation.objects.filter(chat_user=stranger).update(chat_user=account)
    Message.objects.filter(sender=stranger).update(sender=account)
    _inherit(account.person, stranger.person)
    stranger.delete()
    if not ChatUser.objects.filter(person=stranger.person_id).exists():
        stranger.person.delete()
    return known_as


def _account(setup: Setup, known_as: str, who: Known) -> ChatUser:
    """The user's row, locked: their tabs come one after another."""
    rows = ChatUser.objects.select_for_update(of=("self",)).select_related("person")
    found: ChatUser | None = rows.filter(channel_id=setup.channel_id, external_id=known_as).first()
    name = who.name.replace("\0", "")
    if found is None:
        person = Person.objects.create(workspace_id=setup.workspace_id, name=name, language=who.language)
        return ChatUser.objects.create(channel_id=setup.channel_id, external_id=known_as, username=name, person=person)
    if name and name != found.person.name:
        Person.objects.filter(pk=found.person_id).update(name=name)
    return found


def _inherit(person: Person, stranger: Person) -> None:
    """What the stranger chose holds for the person, where they chose nothing themselves."""
    chosen = {
        field: getattr(stranger, field)
        for field in ("language", "timezone", "preferred_model_id")
        if getattr(stranger, field) and not getattr(person, field)
    }
    if chosen:
        Person.objects.filter(pk=person.pk).update(**chosen)
