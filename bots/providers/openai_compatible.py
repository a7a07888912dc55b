"""Any server that speaks OpenAI's Chat Completions, through the `openai` SDK taken the fast way.

The body is handed over as bytes and the answer is read as bytes: the SDK's own walk over messages and its objects for
every chunk are most of its cost. Its retries are off; ours know Retry-After. The SDK is imported at first use (20 MB).
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cached_property
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.utils import timezone

from bots import outside
from bots.providers import sse
from bots.providers.base import (
    NO_SUCH_HOST,
    Account,
    ChatMessage,
    ChatRequest,
    OfferedModel,
    ProviderError,
    StreamEvent,
    client,
)
from bots.providers.openai_models import offered
from bots.providers.openai_stream import Reader, code_for

MAX_TOKENS = ("max_tokens", "max_completion_tokens")
LIST_SECONDS = 10
DRAIN_SECONDS = 0.2
KEY_CHECKS = {"openrouter.ai": "/key"}  # whose list of models is open to everybody, and where they judge a key
# what the SDK would tell the provider about this machine, with every call
TELEMETRY = [f"X-Stainless-{n}" for n in "Lang Package-Version OS Arch Runtime Runtime-Version Async".split()]
RETRYABLE = frozenset({"unreachable", "timeout", "rate_limited", "unavailable", "malformed"})


@client("openai_compatible")
class OpenAICompatible:
    """One account on one event loop."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._counts_usage = True  # until the server refuses the option: then usage is estimated
        self._max_tokens: str = account.max_tokens_field  # until the server asks for its other name
        self._late_system = True  # until the server's chat template refuses one: then it is folded into what follows

    async def stream(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        if "openai" not in sys.modules:
            await asyncio.to_thread(import_module, "openai")  # a second or two, once a process, beside the event loop
        async with self._failures_told(), await self._understood(request) as answer:
            chunks = answer.response.aiter_bytes()
            async for event in Reader().events(sse.data(chunks), input_bytes=answer.asked_bytes):
                yield event
            await _drained(chunks)

    async def models(self) -> list[OfferedModel]:
        async with self._failures_told():
            if check := KEY_CHECKS.get(urlsplit(self.account.base_url).hostname or ""):
                await self._sdk.get(check, cast_to=object, options={"timeout": LIST_SECONDS})
            answer = await self._sdk.models.with_raw_response.list(timeout=LIST_SECONDS)
            return offered(answer.http_response.json())

    async def aclose(self) -> None:
        if "_sdk" in self.__dict__:
            await self._sdk.close()

    @cached_property
    def _sdk(self) -> Any:
        import httpx2
        from openai import AsyncOpenAI, DefaultAioHttpClient, omit

        client = guarded_client() if self.account.is_guarded else DefaultAioHttpClient()
        headers: Any = dict.fromkeys(TELEMETRY, omit) | dict(self.account.headers)
        key = self.account.api_key.reveal() if self.account.api_key else "none"
        return AsyncOpenAI(
            base_url=self.account.base_url or None,
            api_key=key,
            max_retries=0,
            timeout=httpx2.Timeout(600, connect=5),
            http_client=client,
            default_headers=headers,
        )

    @cached_property
    def _address(self) -> str:
        """The whole of it, so that the SDK need not put it together for every call."""
        return f"{str(self._sdk.base_url).rstrip('/')}/chat/completions"

    async def _understood(self, request: ChatRequest) -> _Opened:
        """The opened response; what this server refuses and can be said in another way is said so from now on."""
        while True:
            body = self._body(request)
            try:
                return await self._open(body, request)
            except ProviderError as error:
                if "stream_options" in body and "stream_options" in error.detail:
                    self._counts_usage = False
                elif self._max_tokens == self.account.max_tokens_field and _other(self._max_tokens) in error.detail:
                    self._max_tokens = _other(self._max_tokens)
                elif self._late_system and error.code == "bad_request" and _fold(body["messages"]) != body["messages"]:
                    self._late_system = False
                else:
                    raise

    async def _open(self, body: dict[str, Any], request: ChatRequest) -> _Opened:
        """The response when its head is here; its errors are ours already."""
        import httpx2

        content = _bytes(body)
        timeout = httpx2.Timeout(None, connect=request.deadlines.connect)  # the others are watched from outside
        options = {"timeout": timeout, "idempotency_key": "-"}  # not sent, but without one the SDK makes one up
        async with self._failures_told():
            response = await self._sdk.post(
                self._address, cast_to=httpx2.Response, content=content, options=options, stream=True
            )
        return _Opened(response, len(content))

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        body: dict[str, Any] = {"model": request.model, **request.parameters, "stream": True}
        messages = [_message(message) for message in request.messages]
        body["messages"] = messages if self._late_system else _fold(messages)
        if request.tools:
            body["tools"] = [
                {
                    "type": "function",
                    "function": {"name": t.name, "description": t.description, "parameters": dict(t.parameters)},
                }
                for t in request.tools
            ]
        if request.max_output_tokens:
            body[self._max_tokens] = request.max_output_tokens
        if self._counts_usage:
            body["stream_options"] = {"include_usage": True}
        return body

    @asynccontextmanager
    async def _failures_told(self) -> AsyncGenerator[None, None]:
        """Whatever the SDK or its transport raises, as ProviderError; keys never stand in its text."""
        import aiohttp
        import httpx2
        import openai

        try:
            yield
        except outside.Refused as error:
            raise ProviderError("refused", str(error)) from None
        except openai.APIStatusError as error:
            raise _refused(error) from None
        except (openai.APIConnectionError, httpx2.TimeoutException, httpx2.ConnectError) as error:
            raise _unreached(error) from None
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, aiohttp.ClientError, OSError) as error:
            raise ProviderError("malformed", f"the answer broke off ({type(error).__name__})", retryable=True) from None
        except ValueError as error:
            raise ProviderError("malformed", f"no answer of this protocol ({type(error).__name__})") from None


@dataclass(frozen=True, slots=True)
class _Opened:
    """A response whose head has come, to be closed by `async with`."""

    response: Any
    asked_bytes: int

    async def __aenter__(self) -> _Opened:
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.response.aclose()


async def _drained(chunks: AsyncIterator[bytes]) -> None:
    """Reads what comes after the end that was told, so that the connection can be used again; not from who goes on."""
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _more in chunks:
                pass


def _bytes(body: dict[str, Any]) -> bytes:
    """As JSON. Halves of characters, which no encoding has, are replaced."""
    try:
        return orjson.dumps(body)
    except TypeError:
        return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def _message(message: ChatMessage) -> dict[str, Any]:
    told: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.tool_calls:
        told["tool_calls"] = [
            {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
            for c in message.tool_calls
        ]
    if message.role == "tool":
        told["tool_call_id"] = message.tool_call_id
    return told


def _fold(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """System messages that do not stand first as the beginning of the person's next one, and hers in a row as one.

    Chat templates of some open models (Mistral's, Gemma's) refuse a second system message, and want turns to alternate.
    """
    folded: list[dict[str, Any]] = []
    waiting = ""
    for place, message in enumerate(messages):
        if place and message["role"] == "system":
            waiting += f"({message['content']})\n\n"
        elif message["role"] == "user":
            before = folded.pop()["content"] + "\n\n" if folded and folded[-1]["role"] == "user" else ""
            folded.append({**message, "content": before + waiting + message["content"]})
            waiting = ""
        else:
            folded.append(message)
    return folded


def guarded_client() -> Any:
    """An HTTP client that reaches public hosts only: for addresses that do not come from the environment."""
    import aiohttp
    from openai import DefaultAioHttpClient
    from openai._vendor.httpx_aiohttp.transport import AiohttpTransport

    async def check(request: Any) -> None:
        outside.check(str(request.url))

    transport = AiohttpTransport()
    transport.client = lambda: aiohttp.ClientSession(
        connector=outside.connector(ssl=transport.ssl_context, limit=0, keepalive_timeout=60)
    )
    return DefaultAioHttpClient(transport=transport, event_hooks={"request": [check]})


def _unreached(error: BaseException) -> ProviderError:
    """No answer: refused by our own guard, nobody there, or too late."""
    import httpx2
    import openai

    cause = error.__cause__ or error
    inner: BaseException | None = error
    while inner is not None:
        refused = inner if isinstance(inner, outside.Refused) else getattr(inner, "os_error", None)
        if isinstance(refused, outside.Refused):
            return ProviderError("refused", str(refused))
        if isinstance(inner, socket.gaierror):
            return ProviderError("unreachable", NO_SUCH_HOST, retryable=True)
        inner = inner.__cause__
    late = isinstance(error, openai.APITimeoutError | httpx2.TimeoutException)
    late = late and not isinstance(cause, httpx2.ConnectTimeout)
    return ProviderError("timeout" if late else "unreachable", type(cause).__name__, retryable=True)


def _other(field: str) -> str:
    return MAX_TOKENS[1 - MAX_TOKENS.index(field)]


def _refused(error: Any) -> ProviderError:
    """An HTTP error. A quota that is used up is no rate limit: waiting does not help."""
    body = error.body if isinstance(error.body, dict) else {}
    name, text = str(body.get("code") or body.get("type") or ""), str(body.get("message") or error.message)
    code = code_for(error.status_code, name, text)
    mentions = "".join(f" {name}" for name in ("stream_options", *MAX_TOKENS) if name in text)
    return ProviderError(
        code,
        f"HTTP {error.status_code}{mentions}",
        retryable=code in RETRYABLE and name != "insufficient_quota",
        retry_after=_retry_after(error.response.headers.get("retry-after")),
    )


def _retry_after(header: str | None) -> float | None:
    """Seconds of a Retry-After, given as seconds or as a date."""
    if not header:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(header) - timezone.now()).total_seconds())
    except (ValueError, TypeError):
        return None
