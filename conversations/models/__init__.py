"""Rows of this app, split by noun."""

from conversations.models.canned import CannedAnswer
from conversations.models.conversation import Conversation
from conversations.models.delivery import Delivery
from conversations.models.message import Message
from conversations.models.note import Note
from conversations.models.people import ChatUser, Person
from conversations.models.turn import ModelCall, ToolCall, Turn

__all__ = [
    "CannedAnswer", "ChatUser", "Conversation", "Delivery", "Message", "ModelCall", "Note", "Person", "ToolCall",
    "Turn",
]  # fmt: skip
