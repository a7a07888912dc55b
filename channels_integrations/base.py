"""The contract between the engine and a platform: what comes in, what goes out, what the platform can do.

Plain values only. A platform is a folder in `platforms/` whose `adapter.py` registers one Adapter.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from bots.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundEvent:
    """Something a platform tells. `event_id` is the platform's own: by it a repeat is known."""

    event_id: str
    chat_id: str
    sender_id: str
    sender_name: str = ""
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
    """What a platform can do, as data. `max_length` in `length_unit`; 0: no limit of its own."""

    max_length: int = 0
    length_unit: Literal["characters", "utf16"] = "characters"
    streams: bool = False
    buttons: bool = False


class ChannelError(Exception):
    """A platform refused. `permanent`: never try this again; else after `retry_after` seconds."""

    def __init__(self, detail: str, *, permanent: bool, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.permanent = permanent
        self.retry_after = retry_after


class NoConfig(BaseModel):
    """A platform that needs nothing to be filled in."""

    model_config = ConfigDict(extra="forbid")


class Adapter(ABC):
    """A platform's driver. Subclasses with more roles say what else the platform can do."""

    kind: ClassVar[str]
    label: ClassVar[str]
    Config: ClassVar[type[BaseModel]] = NoConfig
    capabilities: ClassVar[Capabilities] = Capabilities()


def _where() -> Iterator[str]:
    yield "channels_integrations.platforms"


adapters: Registry[type[Adapter]] = Registry("platform", _where)


def adapter(cls: type[Adapter]) -> type[Adapter]:
    """Class decorator: this class drives the platform `cls.kind`."""
    adapters.add(cls.kind, cls)
    return cls
