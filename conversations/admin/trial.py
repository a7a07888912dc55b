"""The test chat beside a bot's form: what stands there, saved or not, answers as the bot would."""

from __future__ import annotations

import asyncio
import json
import math
import uuid
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Annotated, Any, Literal

import orjson
from django.db import DatabaseError, close_old_connections
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from pydantic import BaseModel, Field, Json, ValidationError

from bots import roles
from bots.models import Bot
from bots.threads import in_thread
from channels_integrations.base import IncomingMessage
from channels_integrations.preview import previews
from channels_integrations.setup import Setup, channel_for, setup_of
from conversations import rates
from conversations.accept import Accepted, accept_transcript
from conversations.api import waiting
from conversations.limits import BadText, clean_text, storable
from conversations.models import Turn
from conversations.runner import runner


class Line(BaseModel):
    role: Literal["user", "assistant"]
    text: str


class Trial(BaseModel):
    """What the form says, what was said so far, and what is said now."""

    name: Annotated[str, Field(max_length=100)]
    prompt: Annotated[str, Field(max_length=50_000)]
    model: uuid.UUID | Literal[""]
    tools: list[str]
    parameters: Json[dict[str, Any]]
    max_output_tokens: Annotated[int, Field(ge=16, le=1_000_000)] | None = None
    said: Annotated[list[Line], Field(max_length=200)]
    text: str


@require_POST
def try_bot(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The answer's frames, a line of JSON each; 400 and 429 with a `message`, 404 where the bot is not theirs."""
    bot = Bot.objects.for_actor(request.user).filter(pk=pk, archived_at=None).first()
    if bot is None or not roles.in_workspace(request.user, bot.workspace_id, "bots.change_bot"):
        raise Http404("no such bot")
    try:
        trial = _read(request.body)
    except BadText as bad:
        return JsonResponse({"message": bad.reason}, status=400)
    setup = setup_of(channel_for(bot, "api"))
    wait = rates.wait_to_say(channel_id=setup.channel_id, person=f"staff:{request.user.pk}")
    if wait:
        told = _("Too many messages. You can write again in %(seconds)d s.") % {"seconds": math.ceil(wait)}
        return JsonResponse({"message": told}, status=429)
    lines = _lines(setup, trial, request.user)
    close_old_connections()  # the answer may take minutes, and needs none
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(lines, content_type="application/x-ndjson", headers=headers)


def _read(body: bytes) -> Trial:
    """Raises BadText, which names the box."""
    try:
        trial = Trial.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        box = str(first["loc"][0]) if first["loc"] else ""
        if box == "parameters":
            raise BadText("parameters", _("“Parameters” is no JSON object, such as {}.")) from None
        raise BadText("bad_request", f"{box}: {first['msg']}".removeprefix(": ")) from None
    clean_text(trial.text)
    try:
        form = {**trial.model_dump(mode="json"), "parameters": trial.parameters}
        written = json.dumps(form, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise BadText("parameters", _("“Parameters” holds a number that is none.")) from None
    if "\\u0000" in written or not storable(written):
        raise BadText("invalid_text", _("This text has characters that cannot be stored."))
    return trial


async def _lines(setup: Setup, trial: Trial, user: Any) -> AsyncGenerator[bytes, None]:
    """The frames; whoever stops listening stops the answer."""
    accepting, is_over = asyncio.ensure_future(runner.accept(_accept, setup, trial, user)), False
    try:
        accepted = await asyncio.shield(accepting)
        if accepted.turn_id is None:
            yield _line({"type": "error", "message": _("Nobody is answered there: the API channel takes a break.")})
        async for item in waiting.frames(accepted, ""):
            yield _line(await in_thread(_outcome, item) if isinstance(item, waiting.Answered) else item)
        is_over = True
    except waiting.NoAnswer as none:
        yield _line({"type": "error", "message": str(none) or _("There is no answer yet.")})
    except DatabaseError:
        yield _line({"type": "error", "message": _("The database cannot be reached right now.")})
    finally:
        if not is_over:
            await asyncio.shield(_stop(accepting))


async def _stop(accepting: asyncio.Future[Accepted]) -> None:
    """Stop the answer, also where its message is still being stored."""
    with suppress(DatabaseError):
        await runner.request_stop((await accepting).conversation_id)


def _accept(setup: Setup, trial: Trial, user: Any) -> Accepted:
    event = f"staff:{user.pk}:{uuid.uuid4().hex}"
    incoming = IncomingMessage(
        event_id=event,
        chat_id=event,
        sender_id=f"staff:{user.pk}",
        sender_name=user.get_username(),
        text=trial.text,
    )
    form = trial.model_dump(
        mode="json", include={"name", "prompt", "model", "tools", "parameters", "max_output_tokens"}
    )
    earlier: list[tuple[str, str]] = [(line.role, line.text) for line in trial.said]
    return accept_transcript(setup, incoming, earlier, claim=True, test=True, trial=form)


def _outcome(answered: waiting.Answered) -> dict[str, Any]:
    turn = Turn.objects.get(pk=answered.message.turn_id)
    seconds = (turn.finished_at - turn.created_at).total_seconds() if turn.finished_at else None
    return {
        "type": "outcome", "failed": answered.failed, "reason": answered.reason, "seconds": seconds,
        "model": answered.message.model_used, **answered.usage, "shown": previews(answered.message.text),
    }  # fmt: skip


def _line(frame: dict[str, Any]) -> bytes:
    return orjson.dumps(frame) + b"\n"
