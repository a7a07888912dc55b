"""OpenAI's Chat Completions from the serving side: what a request says, and the shapes that are sent back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from django.http import JsonResponse

from conversations.limits import BadText, clean_text

MOST_MESSAGES = 1_000
LONGEST_EARLIER = 200_000  # characters of a message before the last


@dataclass(frozen=True, slots=True)
class Fault(Exception):
    """An error in OpenAI's form. `wait`: seconds after which it may be another; clients do not try again before."""

    status: int
    code: str
    message: str
    param: str | None = None
    wait: int | None = None

    def response(self) -> JsonResponse:
        kind = {401: "authentication_error", 404: "invalid_request_error", 429: "rate_limit_error"}
        body = {
            "message": self.message,
            "type": kind.get(self.status, "invalid_request_error" if self.status < 500 else "server_error"),
            "param": self.param,
            "code": self.code,
        }
        response = JsonResponse({"error": body}, status=self.status)
        if self.status in (429, 503):
            response["Retry-After"] = str(self.wait or 5)
        if self.wait is not None:
            response["x-should-retry"] = "false"  # which OpenAI's own clients heed
        return response


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A checked request. `earlier`: (role, text) before the last message, which is a user's."""

    model: str
    text: str
    earlier: list[tuple[str, str]]
    stream: bool
    include_usage: bool


def read(body: dict[str, Any]) -> Completion:
    """The request's meaning. Raises Fault 400 for what is not served."""
    _check_options(body)
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise Fault(400, "invalid_value", "model must name a bot.", "model")
    entries = body.get("messages")
    if not isinstance(entries, list) or not 0 < len(entries) <= MOST_MESSAGES:
        raise Fault(400, "invalid_value", "messages must be a list of messages.", "messages")
    said = [_message(entry, number) for number, entry in enumerate(entries)]
    if said[-1][0] != "user":
        raise Fault(400, "invalid_value", "The last message must be the user's.", "messages")
    try:
        text = clean_text(said[-1][1])
    except BadText as bad:
        raise Fault(400, bad.code, bad.reason, "messages") from None
    options = body.get("stream_options")
    return Completion(
        model=model,
        text=text,
        earlier=said[:-1],
        stream=body.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
    )


def _check_options(body: dict[str, Any]) -> None:
    for name in ("tools", "functions"):
        if body.get(name):
            raise Fault(400, "unsupported_parameter", f"{name} is not served: a bot brings its own.", name)
    if body.get("n") not in (None, 1):
        raise Fault(400, "unsupported_parameter", "Only n=1 is served.", "n")
    if body.get("stream") not in (None, True, False):
        raise Fault(400, "invalid_value", "stream must be true or false.", "stream")


def completion(*, id: str, created: int, model: str, text: str, finish: str, usage: dict[str, int]) -> dict[str, Any]:  # noqa: A002
    """The answer to a request that does not stream."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish, "logprobs": None}
    return {
        "id": id,
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [choice],
        "usage": usage,
    }


def chunk(*, delta: dict[str, str] | None, finish: str | None = None, **head: Any) -> bytes:
    """One event of a stream; without a delta it carries usage alone. `head`: id, created, model and the like."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    body = {"object": "chat.completion.chunk", "choices": choices, **head}
    return b"data: " + orjson.dumps(body) + b"\n\n"


def usage(found: dict[str, Any]) -> dict[str, int]:
    """Token counts as OpenAI names them."""
    tokens_in, tokens_out = int(found["prompt_tokens"]), int(found["completion_tokens"])
    return {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": tokens_in + tokens_out}


def _message(entry: Any, number: int) -> tuple[str, str]:
    place = f"messages[{number}]"
    if not isinstance(entry, dict):
        raise Fault(400, "invalid_value", f"{place} must be an object.", place)
    role = {"developer": "system"}.get(str(entry.get("role")), entry.get("role"))
    if role not in ("system", "user", "assistant"):
        raise Fault(400, "invalid_value", f"{place}.role must be system, user or assistant.", place)
    text = _content(entry.get("content"))
    if text is None:
        raise Fault(400, "invalid_value", f"{place}.content must be text.", place)
    if len(text) > LONGEST_EARLIER:
        raise Fault(400, "too_long", f"{place}.content may have {LONGEST_EARLIER:,} characters.", place)
    return role, text


def _content(content: Any) -> str | None:
    """Text, or the text parts of a list; None for anything else, pictures too."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    parts = [part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in content]
    return "".join(parts) if parts and all(isinstance(part, str) for part in parts) else None  # type: ignore[arg-type]
