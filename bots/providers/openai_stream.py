"""Chat Completions events, one JSON object each, as the engine's. A field of a wrong type counts as absent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, cast

from bots.providers.base import (
    ErrorCode,
    Finish,
    FinishReason,
    ProviderError,
    Reasoning,
    StreamEvent,
    TextDelta,
    ToolCallRequest,
    Usage,
)

FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
MOST_CALLS = 64


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class Reader:
    """Collects what comes in pieces: tool calls, usage, the reason of the end."""

    calls: dict[int, _Call] = field(default_factory=dict)
    usage: Usage | None = None
    finish: FinishReason | None = None
    bytes_out: int = 0

    async def events(
        self, reads: AsyncIterator[list[dict[str, Any]]], *, input_bytes: int
    ) -> AsyncIterator[StreamEvent]:
        """All events of one answer, Usage and Finish last. Raises ProviderError for an error told within the stream.

        What one read brought is told at once: under load, or where a model is quick, that is many tokens.
        """
        async for objects in reads:
            for kind, said in groupby((event for chunk in objects for event in self._chunk(chunk)), type):
                yield kind("".join(event.text for event in said))
        if self.finish is None and not self.bytes_out:
            raise ProviderError("malformed", "the stream ended with nothing in it", retryable=True)
        for position, call in sorted(self.calls.items()):
            yield ToolCallRequest(id=call.id or f"call_{position}", name=call.name, arguments=call.arguments)
        yield self.usage or Usage(
            input_tokens=max(1, input_bytes // 3), output_tokens=max(1, self.bytes_out // 3), estimated=True
        )
        yield Finish(self._reason())

    def _reason(self) -> FinishReason:
        if self.calls and self.finish in (None, "stop", "tool_calls"):
            return "tool_calls"
        return self.finish or "length"  # an end nobody announced: cut off

    def _chunk(self, chunk: dict[str, Any]) -> Iterator[TextDelta | Reasoning]:
        if error := chunk.get("error"):
            raise _told(error)
        self._count(chunk.get("usage"))
        for choice in _list(chunk.get("choices")):
            yield from self._choice(choice)

    def _choice(self, choice: dict[str, Any]) -> list[TextDelta | Reasoning]:
        found: list[TextDelta | Reasoning] = []
        delta = choice.get("delta")
        delta = delta if isinstance(delta, dict) else {}
        if text := _text(delta.get("content")):
            self.bytes_out += len(text.encode("utf-8", "replace"))
            found.append(TextDelta(text))
        if thought := _text(delta.get("reasoning_content")) or _text(delta.get("reasoning")):
            self.bytes_out += len(thought.encode("utf-8", "replace"))
            found.append(Reasoning(thought))
        for piece in _list(delta.get("tool_calls")):
            self._piece(piece)
        if reason := choice.get("finish_reason"):
            self.finish = FINISH.get(str(reason), "stop")
        return found

    def _piece(self, piece: dict[str, Any]) -> None:
        """Tool calls come in pieces that an index holds together; some servers leave it out of whole calls."""
        index = piece.get("index")
        number = index if isinstance(index, int) and not isinstance(index, bool) else len(self.calls)
        if len(self.calls) >= MOST_CALLS and number not in self.calls:
            return
        call = self.calls.setdefault(number, _Call())
        function = piece.get("function")
        function = function if isinstance(function, dict) else {}
        call.id = call.id or _text(piece.get("id"))
        call.name = call.name or _text(function.get("name"))
        call.arguments += _text(function.get("arguments"))
        self.bytes_out += len(_text(function.get("arguments"))) + 1

    def _count(self, usage: Any) -> None:
        if not isinstance(usage, dict):
            return
        details = usage.get("prompt_tokens_details")
        cached = _number(details.get("cached_tokens")) if isinstance(details, dict) else 0
        tokens_in = _number(usage.get("prompt_tokens"))
        self.usage = Usage(
            input_tokens=tokens_in,
            output_tokens=_number(usage.get("completion_tokens")),
            cached_tokens=min(cached, tokens_in),
        )


def code_for(status: int, code: str, text: str) -> ErrorCode:
    """Our error code for an HTTP status and what the server calls the fault."""
    lower = f"{code} {text}".lower()
    if "context_length" in lower or "maximum context" in lower or "context window" in lower:
        return "context_too_long"
    if "content_filter" in lower or "content management policy" in lower:
        return "content_filter"
    known: dict[int, ErrorCode] = {
        401: "bad_key", 403: "bad_key", 404: "unknown_model", 408: "timeout", 429: "rate_limited",
    }  # fmt: skip
    return known.get(status, "unavailable" if status >= 500 else "bad_request")


def _told(error: Any) -> ProviderError:
    fault = error if isinstance(error, dict) else {}
    raw = fault.get("status") or fault.get("code")
    status = raw if isinstance(raw, int) else {"rate_limit_exceeded": 429}.get(str(raw), 500)
    code = code_for(status, str(fault.get("code") or fault.get("type") or ""), _text(fault.get("message")))
    return ProviderError(code, f"told within the stream ({status})", retryable=code in ("unavailable", "rate_limited"))


def _list(value: Any) -> list[dict[str, Any]]:
    return [cast(dict[str, Any], item) for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value.replace("\0", "").encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else 0
