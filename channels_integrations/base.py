"""The contract between the engine and a platform: what comes in, what goes out, what the platform can do.

Plain values only. A platform is a folder in `platforms/` whose `adapter.py` registers one Adapter.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from bots.registry import Registry, packages_of_apps


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundEvent:
    """Something a platform tells. `event_id` is the platform's own: by it a repeat is known."""

    event_id: str
    chat_id: str
    sender_id: str
    sender_name: str = ""
    language: str = ""  # of the sender, as the platform tells it: "de", "pt-br"
    sent_at: datetime | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingMessage(InboundEvent):
    """A person wrote. `addressed`: in a group, the bot was mentioned or replied to."""

    text: str
    is_group: bool = False
    addressed: bool = True
    reply_to: str = ""
    attachments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A choice under a message; `value` comes back when it is pressed."""

    id: str
    label: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundMessage:
    """What a platform is asked to send."""

    chat_id: str
    text: str
    format: Literal["markdown", "plain"] = "markdown"
    buttons: tuple[Button, ...] = ()
    reply_to: str = ""
    idempotency_key: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a platform can do, as data. `max_length` in `length_unit`; 0: no limit of its own.

    `resend` says what becomes of a send whose outcome is unknown (a crash, a time-out): "keyed": sent again, the
    platform knows the idempotency key; "once": sent again once and flagged; "never": flagged for a person.
    Rates are in the notation of the library `limits`: "30/second"; "" for none.
    """

    max_length: int = 0
    length_unit: Literal["characters", "utf16"] = "characters"
    streams: bool = False
    buttons: bool = False
    resend: Literal["keyed", "once", "never"] = "once"
    account_rate: str = ""
    chat_rate: str = ""
    waits: tuple[float, ...] = (2, 5, 15, 30, 60, 120, 300, 300, 300)  # seconds before the 2nd, 3rd … try
    keep_trying: float = 3600  # seconds after which an undelivered part is expired


class ChannelError(Exception):
    """A platform refused, or could not be asked. `permanent`: never try this again; else after `retry_after` seconds.

    `ambiguous`: it may have been taken all the same; what happens then is `Capabilities.resend`.
    """

    def __init__(
        self, detail: str, *, permanent: bool, retry_after: float | None = None, ambiguous: bool = False
    ) -> None:
        super().__init__(detail)
        self.permanent = permanent
        self.retry_after = retry_after
        self.ambiguous = ambiguous


class BadSignature(Exception):
    """A webhook's call that its platform did not make."""


class NoConfig(BaseModel):
    """A platform that needs nothing to be filled in."""

    model_config = ConfigDict(extra="forbid")


class Adapter(ABC):
    """A platform's driver. Subclasses with more roles say what else the platform can do."""

    kind: ClassVar[str]
    label: ClassVar[str]
    Config: ClassVar[type[BaseModel]] = NoConfig
    capabilities: ClassVar[Capabilities] = Capabilities()

    def __init__(self, config: BaseModel) -> None:
        self.config: Any = config


class SendingAdapter(Adapter):
    """A platform that is sent messages; web chat and API are read by their clients instead."""

    @abstractmethod
    async def send(self, message: OutboundMessage) -> str:
        """The platform's id of what it took. Raises ChannelError, nothing else."""


class EmbeddableAdapter(Adapter):
    """A platform that a site shows by a piece of HTML."""

    @abstractmethod
    def snippet(self, slug: str, base: str) -> str:
        """The HTML to paste. `slug`: the channel's; `base`: our public address without a slash at its end."""

    @abstractmethod
    def page(self, slug: str, base: str) -> str:
        """The address of its own page, where anybody can write."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An entry of a webhook's body that is no event: kept with its reason, while the others are worked on."""

    reason: str


class WebhookAdapter(Adapter):
    """A platform that calls us."""

    @abstractmethod
    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raises BadSignature unless the platform made this call, never anything else. Header names are lower case."""

    @abstractmethod
    def parse(self, body: bytes) -> list[InboundEvent | Unreadable]:
        """The body's events, in order. Raises ValueError for a body that is none at all."""

    def challenge(self, query: Mapping[str, str]) -> bytes | None:
        """The answer to the platform's question whether we are us (GET); None: it asks no such thing."""
        return None


adapters: Registry[type[Adapter]] = Registry("platform", packages_of_apps("platforms"))


def adapter(cls: type[Adapter]) -> type[Adapter]:
    """Class decorator: this class drives the platform `cls.kind`."""
    adapters.add(cls.kind, cls)
    return cls
