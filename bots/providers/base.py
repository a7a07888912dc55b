"""The contract between the engine and whoever generates text: a request in, a stream of events out.

A *provider* (row: AIProvider) is an account; a *client* is the driver of its wire protocol, one file in this folder.
Plain values only: nothing here knows a database row.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from bots.registry import Registry, packages_of_apps
from bots.secret import Secret

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
ErrorCode = Literal[
    "unreachable",  # refused, DNS, reset before the answer
    "refused",  # an address that may not be asked: bots/outside.py
    "timeout",  # one of our deadlines
    "rate_limited",  # 429
    "unavailable",  # 5xx
    "bad_key",  # 401, 403
    "unknown_model",  # 404
    "bad_request",  # other 4xx
    "context_too_long",
    "content_filter",
    "malformed",  # not the protocol, cut half way, over our size limits
    "empty",  # a well-formed answer with nothing in it
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds of wall clock, watched outside the HTTP library: its own time-out never fires on a slow drip."""

    connect: float = 5.0
    first_token: float = 30.0
    idle: float = 20.0
    total: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a client needs to know of an AIProvider row. `is_guarded`: its address leads to public hosts only."""

    id: str
    slug: str
    kind: str
    base_url: str = ""
    api_key: Secret | None = None
    max_concurrency: int = 50
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    headers: Mapping[str, str] = field(default_factory=dict)
    is_guarded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool as a model is told of it. `parameters` is a JSON schema of type object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallRequest:
    """The model asks for a tool. `arguments` is the JSON text exactly as it came, possibly broken."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    """One entry of the context. `tool_calls` on an assistant's entry, `tool_call_id` on a tool's result."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    tool_calls: tuple[ToolCallRequest, ...] = ()
    tool_call_id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One call of a model. `parameters` are passed on as they are (temperature, top_p, …)."""

    model: str
    messages: tuple[ChatMessage, ...]
    tools: tuple[ToolSpec, ...] = ()
    max_output_tokens: int | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    deadlines: Deadlines = field(default_factory=Deadlines)


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Thoughts a model shows apart from its answer: kept out of the reply, and no sign of an answer."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens as the provider counts them. `cached_tokens` are part of `input_tokens`."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of a stream; always the last event of a stream that did not raise."""

    reason: FinishReason


StreamEvent: TypeAlias = TextDelta | Reasoning | ToolCallRequest | Usage | Finish


NO_SUCH_HOST = "no host of this name"  # the detail of "unreachable" where a name leads nowhere


class ProviderError(Exception):
    """A model call failed. `retryable`: the same call may go through later, after `retry_after` seconds if given."""

    def __init__(
        self, code: ErrorCode, detail: str, *, retryable: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.retryable = retryable
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedPrice:
    """Nano-dollars per million tokens. `cached` is None where it is as `input`."""

    input: int
    output: int
    cached: int | None = None


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """A model as a provider's own list names it; None: not told there. `shutdown_date` is an ISO date."""

    name: str
    shutdown_date: str | None = None
    label: str = ""
    context_window: int | None = None
    can_call_tools: bool | None = None
    can_see_images: bool | None = None
    can_reason: bool | None = None
    price: OfferedPrice | None = None


class ModelClient(Protocol):
    """The driver of one wire protocol, bound to one account and to one event loop."""

    def stream(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        """Events of one call; ends with Usage (where known) and Finish. Raises ProviderError, nothing else."""
        ...

    async def models(self) -> list[OfferedModel]:
        """What the account offers. Raises ProviderError. Also serves as the connection test."""
        ...

    async def aclose(self) -> None:
        """Give sockets back."""
        ...


ClientClass: TypeAlias = Callable[[Account], ModelClient]


clients: Registry[ClientClass] = Registry("provider client", packages_of_apps("providers"))


def client(kind: str) -> Callable[[type], type]:
    """Class decorator: this class speaks the wire protocol `kind`. It is called with an Account."""

    def register(cls: type) -> type:
        clients.add(kind, cls)
        return cls

    return register
