"""The contract between the engine and a platform: what comes in, what goes out, what the platform can do.

Plain values only. A platform is a folder in `platforms/` whose `adapter.py` registers one Adapter.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from bots.registry import Registry, packages_of_apps
from channels_integrations.inbound import (
    Deleted,
    Delivered,
    Edited,
    InboundEvent,
    IncomingMessage,
    Invoked,
    MembershipChanged,
    Pressed,
    Reacted,
    Unreadable,
)
from channels_integrations.outbound import Button, Capabilities, ChannelError, MessageGone, OutboundMessage, Sharded
from channels_integrations.rendering.rich import Rich
from channels_integrations.rendering.split import characters, fenced, split

__all__ = [
    "Account",
    "Adapter",
    "BadSignature",
    "Button",
    "Capabilities",
    "ChannelError",
    "Command",
    "ConnectingAdapter",
    "Deleted",
    "Delivered",
    "DiagnosableAdapter",
    "DraftingAdapter",
    "EditableAdapter",
    "Edited",
    "EmbeddableAdapter",
    "Finding",
    "GatewayAdapter",
    "Handle",
    "InboundEvent",
    "IncomingMessage",
    "Invoked",
    "MembershipChanged",
    "MessageGone",
    "NoConfig",
    "OutboundMessage",
    "Place",
    "PressableAdapter",
    "Pressed",
    "Reacted",
    "SendingAdapter",
    "Sharded",
    "TypingAdapter",
    "Unreadable",
    "WebhookAdapter",
    "adapter",
    "adapters",
]  # fmt: skip


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

    def __init__(self, config: BaseModel, account: str = "") -> None:
        """`account`: who we are there, as `connect` last told it; "" before that."""
        self.config: Any = config
        self.account = account

    def identity(self) -> str:
        """What the account is known by at its platform; two channels cannot share it. "" where there is none."""
        return ""


class SendingAdapter(Adapter):
    """A platform that is sent messages; web chat and API are read by their clients instead."""

    def able(self, chat_id: str) -> Capabilities:
        """What it can do in this chat."""
        return self.capabilities

    def parts(self, text: str) -> list[Rich]:
        """A text in Markdown as the messages that this platform takes, in order; one after the other they are it all.

        By default the Markdown itself goes out.
        """
        most = self.capabilities.max_length
        return fenced(text, split(Rich(text), characters(most - 20))) if 0 < most < len(text) else [Rich(text)]

    @abstractmethod
    async def send(self, message: OutboundMessage) -> str:
        """The platform's id of what it took. Raises ChannelError, nothing else."""


class EditableAdapter(SendingAdapter):
    """A platform on which a sent message can be changed."""

    @abstractmethod
    async def place(self, message: OutboundMessage) -> str:
        """As `send`, of a message that is to be edited at once: the text so far, or "" for a mere placeholder."""

    @abstractmethod
    async def edit(self, message_id: str, message: OutboundMessage) -> None:
        """The message says this now; that it said so already is success. Raises MessageGone and ChannelError."""


class DraftingAdapter(SendingAdapter):
    """A platform that shows an answer before it is sent, and forgets it when it is."""

    @abstractmethod
    async def draft(self, draft_id: int, message: OutboundMessage) -> None:
        """Show this as what is being written. `draft_id`: not 0, the same for one answer. Raises ChannelError."""


class TypingAdapter(SendingAdapter):
    """A platform that can show that somebody writes."""

    @abstractmethod
    async def typing(self, chat_id: str) -> None:
        """Show it, for some seconds. Raises ChannelError."""


class PressableAdapter(SendingAdapter):
    """A platform that wants to hear that a press of a button was noticed."""

    @abstractmethod
    async def acknowledge(self, event: Pressed) -> None:
        """Tell it so. Raises ChannelError."""


class EmbeddableAdapter(Adapter):
    """A platform that a site shows by a piece of HTML."""

    @abstractmethod
    def snippet(self, slug: str, base: str) -> str:
        """The HTML to paste. `slug`: the channel's; `base`: our public address without a slash at its end."""

    @abstractmethod
    def page(self, slug: str, base: str) -> str:
        """The address of its own page, where anybody can write."""


class WebhookAdapter(Adapter):
    """A platform that calls us."""

    @abstractmethod
    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raises BadSignature unless the platform made this call, never anything else. Header names are lower case."""

    @abstractmethod
    def parse(self, body: bytes) -> list[InboundEvent | Unreadable]:
        """The body's events, in order. Raises ValueError for a body that is none at all."""

    def concerns_us(self, body: bytes) -> bool:
        """Whether this genuine body is stored at all: what people say to each other is not. Never raises."""
        return True

    def challenge(self, query: Mapping[str, str]) -> bytes | None:
        """The answer to the platform's question whether we are us (GET); None: it asks no such thing."""
        return None


@dataclass(frozen=True, slots=True)
class Command:
    """A command that people can call: its name without a slash, and what it does in one line."""

    name: str
    help: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a channel is: what an adapter has to know of it beside its own settings.

    `webhook`: its address for webhooks as the platform reaches it; "" when we have no public https address.
    `commands`: what people can call; none where they are switched off. `recent`: chats of the last 24 hours, with the
    event id of the last message that came from each: asked anew at each reconnect.
    `shard`: which of the channel's `shards` connections is meant, from 0; each hears a part of the chats.
    """

    channel_id: str
    webhook: str = ""
    commands: Sequence[Command] = ()
    recent: Callable[[], Awaitable[Mapping[str, str]]]
    shard: int = 0
    shards: int = 1


@dataclass(frozen=True, slots=True)
class Account:
    """Who we are on a platform, as people there see it: "@hal_bot"."""

    name: str


Handle = Callable[[bytes], Awaitable[None]]
"""Stores what came in as it came, and has it read: `WebhookAdapter.parse` makes events of it. Raises DatabaseError when
it could not be stored: the platform must not be told that it was taken."""


class ConnectingAdapter(Adapter):
    """A platform with an account that can be tried, and that may have to be told where we are."""

    @abstractmethod
    async def connect(self, place: Place) -> Account:
        """Who we are there, with the webhook, where it is used, set and read back. Raises ChannelError.

        A refusal of the account itself has `fault`.
        """


class GatewayAdapter(ConnectingAdapter, WebhookAdapter):
    """A platform that we listen to: by asking it, or over a connection that we keep."""

    def is_called(self, place: Place) -> bool:
        """Whether the platform calls us there: once it knows our address, it is heard without anybody listening."""
        return False

    @abstractmethod
    async def listen(self, place: Place, handle: Handle, ready: Callable[[Account], None]) -> None:
        """Listens until cancelled, reconnecting by itself; `ready` is called whenever it hears again.

        Each thing heard goes through `handle` before the platform is told that it was taken. Raises ChannelError: with
        `fault` when staff must mend something, else it is called again after a while; Sharded when the platform wants
        another number of connections than `place.shards`: it is then called for each of those, perhaps elsewhere.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. `mend` says what to do when it is not `ok`."""

    check: str
    ok: bool
    message: str
    mend: str = ""


class DiagnosableAdapter(Adapter):
    """A platform that can be asked what is wrong."""

    @abstractmethod
    async def diagnose(self, place: Place) -> list[Finding]:
        """What was looked at: token, webhook, intents, rights, clock. Never raises for what the platform answers."""


adapters: Registry[type[Adapter]] = Registry("platform", packages_of_apps("platforms"), inside="adapter")


def adapter(cls: type[Adapter]) -> type[Adapter]:
    """Class decorator: this class drives the platform `cls.kind`."""
    adapters.add(cls.kind, cls)
    return cls
