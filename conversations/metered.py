"""What a visitor's wish costs: a message, or another answer, within the limits of person and address."""

from __future__ import annotations

import uuid

from channels_integrations.base import IncomingMessage
from channels_integrations.setup import Setup, setup_of
from conversations import accept, blocking, chat_page, ownership, rates, turn_requests
from conversations.models import Conversation


class SlowDown(Exception):
    """Too much; more may come after these seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


def say(setup: Setup, incoming: IncomingMessage, address: str) -> accept.Accepted:
    """The stored message. `setup`: the channel's, however old: sockets stay open. Raises SlowDown."""
    setup = setup_of(setup.channel_id)
    _within(setup, incoming.sender_id, address)
    return accept.accept(setup, incoming, claim=True)


def again(setup: Setup, visitor: str, address: str, conversation_id: uuid.UUID, turn: uuid.UUID) -> bool:
    """Whether the turn waits for another answer. Raises SlowDown."""
    _within(setup, visitor, address)
    return turn_requests.queue_again(conversation_id, turn)


def call_person(setup: Setup, visitor: str, address: str, language: str) -> Conversation | None:
    """The visitor's open conversation, or a new one, in which somebody of the team is waited for from now on.

    None where the channel offers nobody. Raises SlowDown.
    """
    if not chat_page.offers_person(setup):
        return None
    _within(setup, visitor, address)
    here = accept.start(setup, chat_id=visitor, sender_id=visitor, language=language, anew=False)
    if not blocking.is_blocked(here.chat_user_id):
        ownership.call_person(here.pk)
    found: Conversation = Conversation.objects.get(pk=here.pk)
    return found


def _within(setup: Setup, visitor: str, address: str) -> None:
    own = int(setup.flags["messages_per_minute"])
    wait = rates.wait_to_say(channel_id=setup.channel_id, person=visitor, address=address, own=own)
    if wait:
        raise SlowDown(wait)
