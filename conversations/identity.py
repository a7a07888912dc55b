"""Who a visitor is, by the word of the site that embeds the chat: its user's id, signed with the channel's key."""

from __future__ import annotations

import hashlib
import hmac
import uuid

from django.db import transaction
from django.db.models.functions import Now

from channels_integrations.setup import Setup, adapter_of
from conversations import sessions
from conversations.accept import retrying
from conversations.models import ChatUser, Conversation, Person


class BadIdentity(Exception):
    """Nobody who knows the channel's key said so."""


def check(setup: Setup, user: str, digest: str) -> None:
    """Raises BadIdentity unless `digest` is the hex HMAC-SHA256 of `user` with the channel's identity key."""
    key = adapter_of(setup.channel_id).config.identity_key
    if key is None:
        raise BadIdentity
    expected = hmac.new(key.get_secret_value().encode(), user.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), digest.lower().encode()):
        raise BadIdentity


def recognise(setup: Setup, visitor: str, user: str, name: str) -> str:
    """The visitor that this user is on every device. What they said here before they were known is theirs too."""
    return retrying(lambda: _recognise(setup, visitor, f"user:{user}", name))


def _recognise(setup: Setup, visitor: str, known_as: str, name: str) -> str:
    account = _account(setup, known_as, name)
    stranger = ChatUser.objects.filter(channel_id=setup.channel_id, external_id=visitor).first()
    if stranger is None:
        return known_as
    if stranger.person_id != account.person_id:
        was = stranger.person_id
        ChatUser.objects.filter(pk=stranger.pk).update(person=account.person_id)
        _forget_empty(was)
    before = Conversation.objects.filter(channel_id=setup.channel_id, chat_id=visitor)
    if Conversation.objects.filter(channel_id=setup.channel_id, chat_id=known_as, ended_at=None).exists():
        before.filter(ended_at=None).update(ended_at=Now())
    if before.update(chat_id=known_as):
        transaction.on_commit(lambda: sessions.drop(setup.channel_id, visitor, visitor))
    return known_as


def _account(setup: Setup, known_as: str, name: str) -> ChatUser:
    """The user's row, locked: their tabs come one after another."""
    rows = ChatUser.objects.select_for_update(of=("self",)).select_related("person")
    found: ChatUser | None = rows.filter(channel_id=setup.channel_id, external_id=known_as).first()
    if found is None:
        person = Person.objects.create(workspace_id=setup.workspace_id, name=name)
        return ChatUser.objects.create(channel_id=setup.channel_id, external_id=known_as, username=name, person=person)
    if name and name != found.person.name:
        Person.objects.filter(pk=found.person_id).update(name=name)
    return found


def _forget_empty(person_id: uuid.UUID) -> None:
    """A person whom nothing is left of."""
    if not ChatUser.objects.filter(person=person_id).exists():
        Person.objects.filter(pk=person_id).delete()
