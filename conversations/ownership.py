"""Who answers in a conversation: the bot, somebody who is to come, or a person of the team."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Now
from django.utils import translation
from django.utils.translation import gettext as _

from conversations import languages
from conversations.models import Conversation, Message, Turn

Owner = Conversation.Owner


class Over(Exception):
    """The conversation was ended: nobody would read an answer."""


def ask_for_person(conversation_id: uuid.UUID) -> bool:
    """Whether somebody of the team is waited for now: from now on the bot is silent here."""
    rows = Conversation.objects.filter(pk=conversation_id, ended_at=None).exclude(owner=Owner.HUMAN)
    return bool(rows.update(owner=Owner.WAITING, waiting_since=Coalesce("waiting_since", Now())))


def call_person(conversation_id: uuid.UUID) -> None:
    """The same at the press of a button: as no message was written, a line tells everybody who reads along."""

    def called(conversation: Conversation) -> None:
        if conversation.owner == Owner.BOT and ask_for_person(conversation.pk):
            _remark(conversation, person_is_called, in_context=False)

    with suppress(Over):
        _locked(conversation_id, called)


def person_is_called() -> str:
    """What somebody is told who asked for a person."""
    return _("A person will be with you soon. Just go on writing; the bot is silent until then.")


def take(conversation_id: uuid.UUID, user: Any) -> Conversation:
    """The conversation, `user`'s from now on; what the bot was about to say is stopped. Raises Over."""

    def taken(conversation: Conversation) -> None:
        if conversation.owner == Owner.HUMAN and conversation.assigned_to_id == user.pk:
            return
        conversation.owner, conversation.assigned_to = Owner.HUMAN, user
        Turn.objects.filter(conversation=conversation).stop("a person took over")
        changed = {"owner": Owner.HUMAN, "assigned_to": user, "waiting_since": None, "reminded_at": None}
        Conversation.objects.filter(pk=conversation.pk).update(**changed)
        _remark(conversation, lambda: _("%(name)s from the team answers now.") % {"name": name_of(user)})

    return _locked(conversation_id, taken)


def hand_back(conversation_id: uuid.UUID, user: Any) -> Conversation:
    """The conversation, the bot's again: its next message is answered by machine. Raises Over."""

    def given(conversation: Conversation) -> None:
        if conversation.owner == Owner.BOT:
            return
        was_taken = conversation.owner == Owner.HUMAN
        changed = {"owner": Owner.BOT, "assigned_to": None, "waiting_since": None, "reminded_at": None}
        Conversation.objects.filter(pk=conversation.pk).update(**changed)
        conversation.owner = Owner.BOT
        if was_taken:
            _remark(conversation, lambda: _("%(name)s has left. The bot answers again.") % {"name": name_of(user)})

    return _locked(conversation_id, given)


def end(conversation_id: uuid.UUID) -> Conversation:
    """The conversation, ended by the team: nothing more is said in it, what follows begins anew. Raises Over."""

    def ended(conversation: Conversation) -> None:
        Turn.objects.filter(conversation=conversation).stop("the team ended the conversation")
        changed = {"owner": Owner.CLOSED, "ended_at": Now(), "waiting_since": None, "reminded_at": None}
        Conversation.objects.filter(pk=conversation.pk).update(**changed)

    return _locked(conversation_id, ended)


def name_of(user: Any) -> str:
    """What visitors call a person of the team: the first name, never a login."""
    return user.first_name.strip() or _("Somebody")


def add(conversation: Conversation, **message: Any) -> Message:
    """A message of ours, stored with the next `seq` of the conversation, whose row is locked here."""
    row = Message.objects.create(
        conversation=conversation, channel_id=conversation.channel_id, seq=conversation.next_seq, **message
    )
    conversation.next_seq += 1
    Conversation.objects.filter(pk=conversation.pk).update(next_seq=F("next_seq") + 1, last_activity=Now())
    return row


def locked(conversation_id: uuid.UUID) -> Conversation:
    """The open conversation under its row lock. Raises Over."""
    rows = Conversation.objects.select_for_update(of=("self",)).select_related("chat_user__person", "assigned_to")
    found: Conversation | None = rows.filter(pk=conversation_id, ended_at=None).first()
    if found is None:
        raise Over
    return found


def _locked(conversation_id: uuid.UUID, change: Callable[[Conversation], None]) -> Conversation:
    with transaction.atomic():
        conversation = locked(conversation_id)
        change(conversation)
    return conversation


def _remark(conversation: Conversation, text: Callable[[], str], *, in_context: bool = True) -> None:
    """A line in the person's language that they, the team and, `in_context`, the bot read."""
    with translation.override(languages.of(conversation.chat_user.person.language)):
        add(conversation, role=Message.Role.SYSTEM, text=text(), in_context=in_context)
