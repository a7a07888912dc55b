"""`/v1/`: any OpenAI client talks to the bots. Stateless: the messages sent are the context, after the bot's prompt."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Coroutine
from functools import wraps
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError
from django.http import HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt

from bots.models import ApiKey
from bots.threads import in_thread
from channels_integrations.base import IncomingMessage
from channels_integrations.setup import setup_of
from conversations import accept, notices, rates
from conversations import openai_shapes as shapes
from conversations.api import views, waiting
from conversations.api.authentication import key_of
from conversations.api.parsers import read_json
from conversations.openai_shapes import Completion, Fault
from conversations.runner import runner

Handler = Callable[..., Coroutine[Any, Any, HttpResponseBase]]


def door(*methods: str) -> Callable[[Handler], Handler]:
    """A view for these methods: the key is checked first, faults are told in OpenAI's form."""

    def wrap(handler: Handler) -> Handler:
        @wraps(handler)
        async def view(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            try:
                key = await in_thread(key_of, request.headers.get("Authorization", ""))
                if key is None:
                    raise Fault(401, "invalid_api_key", "Incorrect API key provided.")
                if "chat" not in key.scopes:
                    raise Fault(403, "insufficient_scope", "This API key lacks the scope chat.")
                if request.method not in methods:
                    raise Fault(405, "method_not_allowed", f"Use {' or '.join(methods)}.")
                return await handler(request, key, **kwargs)
            except Fault as fault:
                return fault.response()
            except OperationalError:
                return Fault(503, "unavailable", "The database cannot be reached right now.").response()

        return csrf_exempt(view)

    return wrap


@door("GET")
async def models(request: HttpRequest, key: ApiKey) -> HttpResponseBase:
    """Every bot of the key, as a model."""
    rows = await in_thread(lambda: list(views.bots_of(key).order_by("slug")))
    return JsonResponse({"object": "list", "data": [_model(row) for row in rows]})


@door("GET")
async def model(request: HttpRequest, key: ApiKey, name: str) -> HttpResponseBase:
    """One of them."""
    row = await in_thread(lambda: views.bots_of(key).filter(slug=name).first())
    if row is None:
        raise _unknown(name)
    return JsonResponse(_model(row))


@door("POST")
async def chat_completions(request: HttpRequest, key: ApiKey) -> HttpResponseBase:
    """One answer, whole or as a stream; stored as an ended conversation of its own."""
    try:
        asked = shapes.read(read_json(request.body))
    except RequestDataTooBig:
        raise Fault(413, "too_large", "The body is too large.") from None
    except ValueError as error:
        raise Fault(400, "invalid_json", str(error)) from None
    accepted = await runner.accept(_accept, key, asked)
    if accepted.paused:
        raise await in_thread(_paused, accepted)
    if asked.stream:
        return StreamingHttpResponse(_stream(accepted, asked), content_type="text/event-stream")
    try:
        outcome = await waiting.answered(accepted, "")
    except waiting.NoAnswer as none:
        raise Fault(504, "timeout", str(none)) from None
    if outcome is None or outcome.failed:
        raise Fault(502, "model_failed", outcome.message.text if outcome else "Nobody answers here.")
    return JsonResponse(
        shapes.completion(
            **_head(accepted, asked),
            text=outcome.message.text,
            finish=_finish(outcome),
            usage=shapes.usage(outcome.usage),
        )
    )


async def _stream(accepted: accept.Accepted, asked: Completion) -> AsyncGenerator[bytes, None]:
    head = _head(accepted, asked)
    yield shapes.chunk(**head, delta={"role": "assistant", "content": ""})
    attempt, sent = None, ""
    try:
        async for item in waiting.frames(accepted, ""):
            if isinstance(item, waiting.Answered):
                async for piece in _end(item, asked, head, sent):
                    yield piece
            elif item["type"] == "delta" and attempt in (None, item["attempt"]):
                attempt, sent = item["attempt"], sent + item["text"]
                yield shapes.chunk(**head, delta={"content": item["text"]})
    except waiting.NoAnswer as none:
        yield _told(Fault(504, "timeout", str(none)))


async def _end(
    outcome: waiting.Answered, asked: Completion, head: dict[str, Any], sent: str
) -> AsyncGenerator[bytes, None]:
    """What is missing of the stored text, the reason, the usage. What was sent and is not its beginning is an error."""
    text = outcome.message.text
    if outcome.failed or not text.startswith(sent.strip()):
        yield _told(Fault(502, "model_failed", text if outcome.failed else "The answer broke off. Please try again."))
        return
    if rest := text[len(sent.strip()) :]:
        yield shapes.chunk(**head, delta={"content": rest})
    yield shapes.chunk(**head, delta={}, finish=_finish(outcome))
    if asked.include_usage:
        yield shapes.chunk(**head, delta=None, usage=shapes.usage(outcome.usage))
    yield b"data: [DONE]\n\n"


def _told(fault: Fault) -> bytes:
    return b"data: " + fault.response().content + b"\n\n"


def _accept(key: ApiKey, asked: Completion) -> accept.Accepted:
    bot = views.bots_of(key).filter(slug=asked.model).first()
    if bot is None:
        raise _unknown(asked.model)
    wait = rates.wait_to_call(key)
    if wait:
        raise Fault(429, "rate_limit_exceeded", f"This key may be used again in {math.ceil(wait)} s.")
    event = f"{key.pk}:{uuid.uuid4().hex}"
    setup = views.api_setup(key, asked.model)
    incoming = IncomingMessage(
        event_id=event, chat_id=f"completion:{event}", sender_id=f"key:{key.pk}", text=asked.text
    )
    return accept.accept_transcript(setup, incoming, asked.earlier, claim=True)


def _paused(accepted: accept.Accepted) -> Fault:
    """The channel is switched off: not to be tried again at once, as OpenAI's clients do by themselves."""
    told = notices.paused(setup_of(accepted.message.channel_id).pause_message)
    return Fault(503, "channel_paused", told, wait=views.PAUSED_SECONDS)


def _head(accepted: accept.Accepted, asked: Completion) -> dict[str, Any]:
    return {"id": f"chatcmpl-{accepted.turn_id}", "created": int(time.time()), "model": asked.model}


def _finish(outcome: waiting.Answered) -> str:
    return "length" if outcome.reason else "stop"


def _model(row: Any) -> dict[str, Any]:
    return {"id": row.slug, "object": "model", "created": int(row.created_at.timestamp()), "owned_by": "switchboard"}


def _unknown(name: str) -> Fault:
    return Fault(404, "model_not_found", f"The model {name[:60]!r} does not exist.", "model")
