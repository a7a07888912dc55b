"""An update as Telegram writes it, as far as it matters here: https://core.telegram.org/bots/api#update

Strict: Telegram keeps its types, so anything else in these fields is not understood rather than guessed at.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

KINDS = ("message", "edited_message", "callback_query", "my_chat_member", "message_reaction")  # what we ask for


def _whole(text: str) -> str:
    """A text that can be stored; Telegram sends no other."""
    if "\0" in text or (not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text)):
        raise ValueError("holds what is no character")
    return text


Text = Annotated[str, AfterValidator(_whole)]
Id = Annotated[int, Field(gt=-(2**53), lt=2**53)]  # "at most 52 significant bits"
Count = Annotated[int, Field(ge=0, lt=2**31)]
Number = Annotated[int, Field(gt=0, lt=2**53)]  # of a message, a thread
Time = Annotated[int, Field(ge=0, lt=2**33)]


class _Told(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class Chat(_Told):
    id: Id
    type: Literal["private", "group", "supergroup", "channel"]
    title: Text = ""

    @property
    def is_group(self) -> bool:
        return self.type != "private"


class User(_Told):
    id: Number
    is_bot: bool
    first_name: Text = ""
    last_name: Text = ""
    language_code: Text = ""

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()[:200]


class Entity(_Told):
    """A stretch of a text, in UTF-16 units."""

    type: str
    offset: Count
    length: Count
    user: User | None = None


class RepliedTo(_Told):
    """Every message of a topic "replies" to the one that made it."""

    message_id: Number
    sender: User | None = Field(default=None, alias="from")
    forum_topic_created: object = None

    @property
    def is_topic(self) -> bool:
        """Whether it is what its topic begins with."""
        return "forum_topic_created" in self.model_fields_set


class Placed(_Told):
    """`is_topic_message`: only then `message_thread_id` is a topic's, else a mere thread of replies."""

    message_id: Number
    chat: Chat
    message_thread_id: Number | None = None
    is_topic_message: bool = False

    @property
    def chat_id(self) -> str:
        """As we name it: the chat, or a topic in it."""
        topic = f"/{self.message_thread_id}" if self.is_topic_message and self.message_thread_id else ""
        return f"{self.chat.id}{topic}"


class Message(Placed):
    """What was written, or came along, or happened."""

    date: Time
    sender: User | None = Field(default=None, alias="from")
    is_automatic_forward: bool = False
    text: Text | None = None
    entities: tuple[Entity, ...] = Field(default=(), strict=False)
    caption: Text | None = None
    caption_entities: tuple[Entity, ...] = Field(default=(), strict=False)
    reply_to_message: RepliedTo | None = None
    edit_date: Time = 0
    media_group_id: Text = Field(default="", max_length=100)


class Press(_Told):
    """`message`: may be one that is not shown any more, of which only its place is told."""

    id: Text = Field(min_length=1, max_length=100)
    sender: User = Field(alias="from")
    message: Placed | None = None
    data: Text | None = None


class Membership(_Told):
    """`is_member`, `can_send_messages`: of somebody restricted."""

    status: Literal["creator", "administrator", "member", "restricted", "left", "kicked"]
    is_member: bool = True
    can_send_messages: bool = True


class MembershipChange(_Told):
    chat: Chat
    sender: User = Field(alias="from")
    date: Time
    new_chat_member: Membership


class Emoji(_Told):
    type: str
    emoji: Text = ""


class Reaction(_Told):
    """`user`: nobody where it is anonymous."""

    chat: Chat
    message_id: Number
    user: User | None = None
    date: Time
    new_reaction: tuple[Emoji, ...] = Field(strict=False)
