"""What goes out to a platform, what it can do there, and how it says no: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from channels_integrations.rendering.rich import Rich, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A choice under a message; `value` comes back when it is pressed."""

    id: str
    label: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundMessage:
    """What a platform is asked to send: one of the parts that its adapter made of a text.

    `spans`: the text's styles, where the adapter flattens Markdown. `part`: which of its text's parts this is, from 0.
    """

    chat_id: str
    text: str
    spans: tuple[Span, ...] = ()
    format: Literal["markdown", "plain"] = "markdown"
    buttons: tuple[Button, ...] = ()
    part: int = 0
    reply_to: str = ""
    idempotency_key: str = ""
    expires_at: datetime | None = None

    @property
    def rich(self) -> Rich:
        """The text with its styles."""
        return Rich(self.text, self.spans)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a platform can do in a chat, as data. `max_length`: characters of a message; 0: no limit of its own.

    `resend` says what becomes of a send whose outcome is unknown (a crash, a time-out): "keyed": sent again, the
    platform knows the idempotency key; "edit": never sent twice, since what is sent is a placeholder, and the text
    comes by editing it (an EditableAdapter's); "once": sent again once and flagged, and after each
    end of its process; "never": flagged for a person.
    `live`: how an answer is shown while it is written: "draft" (a DraftingAdapter's), "edit" (an EditableAdapter's),
    at most every `live_every` seconds, each time `live_growth` times later. `typing_every`: seconds after which a
    TypingAdapter says so again.
    Rates are in the notation of the library `limits`: "30/second"; "" for none. `counted_as`: the chat for which the
    platform counts what is sent here, where that is not each chat's own matter, such as a group with all its topics.
    """

    max_length: int = 0
    streams: bool = False
    buttons: bool = False
    resend: Literal["keyed", "edit", "once", "never"] = "once"
    live: Literal["", "draft", "edit"] = ""
    live_every: float = 1.0
    live_growth: float = 1.0
    typing_every: float = 4.0
    account_rate: str = ""
    chat_rate: str = ""
    counted_as: str = ""
    waits: tuple[float, ...] = (2, 5, 15, 30, 60, 120, 300, 300, 300)  # seconds before the 2nd, 3rd … try
    keep_trying: float = 3600  # seconds after which an undelivered part is expired


class ChannelError(Exception):
    """A platform refused, or could not be asked. `permanent`: never try this again; else after `retry_after` seconds.

    `ambiguous`: it may have been taken all the same; what happens then is `Capabilities.resend`.
    `blocked`: nothing of ours is taken in this chat any more: the person blocked the bot, the group removed it.
    `fault`: nothing of this whole channel is taken until staff mend it (a revoked token): what, in a sentence for them.
    """

    def __init__(
        self, detail: str, *, permanent: bool, retry_after: float | None = None, ambiguous: bool = False,
        blocked: bool = False, fault: str = "",
    ) -> None:  # fmt: skip
        super().__init__(detail)
        self.permanent = permanent
        self.retry_after = retry_after
        self.ambiguous = ambiguous
        self.blocked = blocked
        self.fault = fault


class Sharded(ChannelError):
    """The platform wants the channel to be listened to over so many connections, each for a part of its chats."""

    def __init__(self, shards: int) -> None:
        super().__init__(f"the platform wants {shards} connections", permanent=False)
        self.shards = shards


class MessageGone(ChannelError):
    """The message that was to be edited is not there any more."""

    def __init__(self, detail: str = "the message is gone") -> None:
        super().__init__(detail, permanent=True)
