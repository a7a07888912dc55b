"""How a message gets in: one short transaction that stores it and queues its turn."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, cast

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from channels_integrations.base import IncomingMessage
from channels_integrations.setup import Setup
from conversations import answering, blocking, haste, lines, merging, pauses, sessions, turns, undisturbed
from conversations.capacity import TURNS
from conversations.models import ChatUser, Conversation, Message, Person, Turn
from conversations.outbox import later
from conversations.sessions import Session
from conversations.turns import Claim

T = TypeVar("T")
TRIES = 4  # of a race for a new chat's first rows; the loser finds the winner's


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What became of a message. `turn_id` None: a person owns the conversation, the channel is switched off, …

    `claim`: the turn is the caller's to answer, its lease runs already. `wait`: seconds until it is to be answered.
    """

    message: Message
    turn_id: uuid.UUID | None
    repeated: bool = False
    claim: Claim | None = None
    wait: float = 0

    @property
    def conversation_id(self) -> uuid.UUID:
        return cast(uuid.UUID, self.message.conversation_id)

    @property
    def message_id(self) -> uuid.UUID:
        return cast(uuid.UUID, self.message.pk)

    @property
    def seq(self) -> int:
        return int(self.message.seq)

    @property
    def paused(self) -> bool:
        """Whether nobody answers it because the channel was switched off when it came."""
        return self.turn_id is None and "paused" in self.message.metadata

    @property
    def fingerprint(self) -> str:
        return str(self.message.metadata.get("fingerprint", ""))


class Ended(Exception):
    """The conversation that was named is over."""


def accept(
    setup: Setup, incoming: IncomingMessage, *, conversation_id: uuid.UUID | None = None, claim: bool = False
) -> Accepted:
    """The stored message and its queued turn; for an event that is known already, what it became the first time.

    `conversation_id` continues that very conversation; else it is the chat's open one, or a new one. Raises Ended.
    `claim`: where nothing else is to be answered first, and this process has a place, the turn is claimed in the same
    transaction.
    """
    if claim and conversation_id is None and (plain := undisturbed.accept(setup, incoming)):
        message, held = plain
        return Accepted(message=message, turn_id=held.turn.pk, claim=held)
    for attempt in range(TRIES):
        try:
            with transaction.atomic():
                conversation, user_id = _place(setup, incoming, conversation_id)
                return _store(setup, incoming, conversation, user_id, claim=claim)
        except Ended:
            known = _known(setup.channel_id, incoming.event_id)
            if known is None:
                raise
            return known
        except IntegrityError:
            known = _known(setup.channel_id, incoming.event_id)
            if known is not None:
                return known
            if attempt == TRIES - 1:
                raise
    raise AssertionError("unreachable")


def accept_transcript(
    setup: Setup, incoming: IncomingMessage, earlier: list[tuple[str, str]], *, claim: bool = False, **metadata: Any
) -> Accepted:
    """As `accept`, in a conversation of its own that is over with its answer; `earlier` are (role, text) before it."""
    return retrying(lambda: _accept_transcript(setup, incoming, earlier, claim, metadata))


def _accept_transcript(
    setup: Setup, incoming: IncomingMessage, earlier: list[tuple[str, str]], claim: bool, metadata: dict[str, Any]
) -> Accepted:
    user = _chat_user(setup, incoming, test=metadata.get("test") is True)
    conversation = _new_conversation(setup, incoming, user, ended_at=Now(), metadata={"stateless": True, **metadata})
    Message.objects.bulk_create(
        Message(conversation=conversation, channel_id=setup.channel_id, seq=seq, role=role, text=text)
        for seq, (role, text) in enumerate(earlier, 1)
    )
    conversation.next_seq = len(earlier) + 1
    return _store(setup, incoming, conversation, user.pk, claim=claim)


def _place(
    setup: Setup, incoming: IncomingMessage, conversation_id: uuid.UUID | None
) -> tuple[Conversation, uuid.UUID]:
    """The conversation that the message belongs to, under its row lock, and who wrote it. Raises Ended."""
    session = sessions.get(setup.channel_id, incoming.chat_id, incoming.sender_id)
    if conversation_id is None and session is not None:
        conversation = _lock(setup, pk=session.conversation_id, ended_at=None)
        if conversation is not None:
            return conversation, session.chat_user_id
    user = _chat_user(setup, incoming)
    if conversation_id is not None:
        conversation = _lock(None, pk=conversation_id, ended_at=None)
        if conversation is None:
            raise Ended
    else:
        conversation = _lock(setup, channel_id=setup.channel_id, chat_id=incoming.chat_id, ended_at=None)
        conversation = conversation or _new_conversation(setup, incoming, user)
    _remember(setup, incoming, user, conversation)
    return conversation, user.pk


def _lock(setup: Setup | None, **which: Any) -> Conversation | None:
    """The open conversation under its row lock; None when there is none, or it lay idle too long and is ended."""
    rows = Conversation.objects.select_for_update(of=("self",)).select_related("chat_user__person")
    found = list(rows.filter(**which).annotate(now=Now())[:1])  # there is one at most: nothing is to be sorted
    conversation: Conversation | None = found[0] if found else None
    if conversation is None or setup is None:
        return conversation
    idle = timedelta(seconds=int(setup.flags["conversation_idle"]))
    if conversation.now - conversation.last_activity <= idle:  # type: ignore[attr-defined]
        return conversation
    Conversation.objects.filter(pk=conversation.pk).update(ended_at=Now())
    return None


def _chat_user(setup: Setup, incoming: IncomingMessage, *, test: bool = False) -> ChatUser:
    rows = ChatUser.objects.select_related("person")
    found: ChatUser | None = rows.filter(channel_id=setup.channel_id, external_id=incoming.sender_id).first()
    if found is not None:
        return found
    person = Person.objects.create(
        workspace_id=setup.workspace_id, name=incoming.sender_name, language=incoming.language[:20],
        metadata={"test": True} if test else {},
    )  # fmt: skip
    return ChatUser.objects.create(
        channel_id=setup.channel_id, external_id=incoming.sender_id, username=incoming.sender_name, person=person
    )


def _new_conversation(setup: Setup, incoming: IncomingMessage, user: ChatUser, **more: Any) -> Conversation:
    return Conversation.objects.create(
        workspace_id=setup.workspace_id,
        channel_id=setup.channel_id,
        bot_id=setup.bot_id,
        chat_id=incoming.chat_id,
        chat_user=user,
        title=lines.title(incoming.text),
        **({"metadata": {"chat_name": incoming.chat_name}} if incoming.chat_name else {}) | more,
    )


def start(
    setup: Setup, *, chat_id: str, sender_id: str, sender_name: str = "", language: str = "", anew: bool = True
) -> Conversation:
    """A new, empty conversation of this chat; the one open so far is ended, or, unless `anew`, is what is meant."""
    empty = IncomingMessage(
        event_id="", chat_id=chat_id, sender_id=sender_id, sender_name=sender_name, language=language, text=""
    )
    return retrying(lambda: _start(setup, empty, anew))


def _start(setup: Setup, empty: IncomingMessage, anew: bool) -> Conversation:
    user = _chat_user(setup, empty)
    now_open = Conversation.objects.filter(channel_id=setup.channel_id, chat_id=empty.chat_id, ended_at=None)
    if not anew and (found := now_open.first()) is not None:
        return cast(Conversation, found)
    now_open.update(ended_at=Now())
    conversation = _new_conversation(setup, empty, user)
    _remember(setup, empty, user, conversation)
    return conversation


def retrying(work: Callable[[], T]) -> T:
    """What `work` returns in a transaction; begun anew when a race for a new row was lost."""
    for _ in range(TRIES - 1):
        try:
            with transaction.atomic():
                return work()
        except IntegrityError:
            continue
    with transaction.atomic():
        return work()


def _remember(setup: Setup, incoming: IncomingMessage, user: ChatUser, conversation: Conversation) -> None:
    session = Session(
        chat_user_id=user.pk,
        person_id=user.person_id,
        conversation_id=conversation.pk,
        name=user.person.name,
        timezone=user.person.timezone,
        language=user.person.language,
        preferred_model_id=user.person.preferred_model_id,
    )
    where = (setup.channel_id, incoming.chat_id, incoming.sender_id)
    transaction.on_commit(lambda: sessions.put(*where, session))


def _store(
    setup: Setup, incoming: IncomingMessage, conversation: Conversation, sender_id: uuid.UUID, *, claim: bool
) -> Accepted:
    paused = setup.paused and conversation.owner != Conversation.Owner.HUMAN
    writer = blocking.writer(conversation, sender_id)
    answered = not paused and answering.is_due(conversation, incoming, writer, sender_id)
    wait = merging.window(setup, incoming) if answered else 0
    held = answered and claim and not wait and not TURNS.is_full(setup.channel_id) and _is_free(conversation)
    if answered and not wait and setup.flags["merge_window"]:
        merging.end_waiting(conversation)
    turn = merging.joined(conversation, sender_id, wait) if wait else None
    turn = turn or (_turn(conversation, held, wait) if answered else None)
    message = Message.objects.create(
        conversation=conversation,
        channel_id=setup.channel_id,
        turn=turn,
        seq=conversation.next_seq,
        role=Message.Role.USER,
        sender_id=sender_id,
        text=incoming.text,
        in_context=writer.blocked_at is None and not haste.is_too_fast(incoming),
        event_id=incoming.event_id or None,
        metadata={
            **incoming.raw,
            **({"answer_to": incoming.answer_to} if incoming.answer_to else {}),
            **({"paused": True} if paused else {}),
            **blocking.remark(writer),
        },
    )
    changed: dict[str, Any] = {"next_seq": message.seq + 1, "last_activity": Now()}
    if conversation.unreachable_at is not None:
        changed["unreachable_at"] = None  # who writes there can be answered
    if not conversation.title:
        changed["title"] = lines.title(incoming.text)
    if not held or turn is None:
        Conversation.objects.filter(pk=conversation.pk).update(**changed)
        conversation.next_seq += 1
        if paused:
            pauses.tell(setup, conversation)
        return Accepted(message=message, turn_id=turn.pk if turn else None, wait=wait)
    Conversation.objects.filter(pk=conversation.pk).update(**changed, **turns.lease())
    conversation.lease_token += 1
    conversation.next_seq += 1
    length = int(setup.flags["max_conversation_length"])
    return Accepted(message=message, turn_id=turn.pk, claim=turns.claim_stored(turn, conversation, length=length))


def _is_free(conversation: Conversation) -> bool:
    """Whether nobody holds the conversation and nothing is to be answered first; it is locked here, or new."""
    if conversation.next_seq == 1:
        return True
    now = getattr(conversation, "now", None)
    if conversation.lease_until is not None and (now is None or conversation.lease_until >= now):
        return False
    return not turns.waits(conversation)


def _turn(conversation: Conversation, held: bool, wait: int) -> Turn:
    begun: dict[str, Any] = {"state": Turn.State.RUNNING, "attempts": 1, "started_at": Now()} if held else {}
    if wait:
        begun["run_after"] = later(wait)
    return Turn.objects.create(conversation=conversation, first_seq=conversation.next_seq, **begun)


def _known(channel_id: uuid.UUID, event_id: str) -> Accepted | None:
    rows = Message.objects.select_related("conversation").filter(channel_id=channel_id, event_id=event_id)
    found = rows.first() if event_id else None
    return found and Accepted(message=found, turn_id=found.turn_id, repeated=True)


def end(conversation_id: uuid.UUID) -> bool:
    """Whether this call ended it. Its open turns are still answered."""
    return bool(Conversation.objects.filter(pk=conversation_id, ended_at=None).update(ended_at=Now()))
