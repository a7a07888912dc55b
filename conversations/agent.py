"""The exchange with the model: rounds of call and tools, until it has answered. No transaction, no connection held."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.utils import timezone

from bots import crash
from bots.catalog import Model
from bots.providers.base import (
    ChatMessage,
    ChatRequest,
    Finish,
    ProviderError,
    StreamEvent,
    TextDelta,
    ToolCallRequest,
    ToolSpec,
    Usage,
)
from bots.providers.deadlines import within
from bots.providers.pool import client_for, places_for
from bots.tools.base import ToolContext, signature
from conversations import metrics, toolbox
from conversations.draft import Draft
from conversations.models import ModelCall
from conversations.stopping import Stop
from conversations.turns import Claim

log = structlog.get_logger(__name__)

ROUNDS = 8
TRIES = 3
LONGEST_WAIT = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """All that an answer needs, read before the exchange begins."""

    held: Claim
    bot: str  # its slug
    model: Model
    level: str
    messages: tuple[ChatMessage, ...]
    first_seq: int | None
    tools: tuple[ToolSpec, ...]
    context: ToolContext
    parameters: Mapping[str, Any]
    longest: int  # tokens of an answer
    prompt_version_id: Any

    @property
    def offered(self) -> frozenset[str]:
        """Names of the tools that the model may ask for."""
        return frozenset(spec.name for spec in self.tools)


@dataclass(slots=True)
class Spoken:
    """What one call of the model brought. `began`: by time.monotonic(); None where it still waits for its place."""

    began: float | None = None
    text: str = ""
    requests: list[ToolCallRequest] = field(default_factory=list)
    usage: Usage | None = None
    finish: str = ""
    first_token_ms: int | None = None
    stopped: bool = False


@dataclass(slots=True)
class Answer:
    """The exchange so far. `calls` are unsaved rows, but for those that the journal has stored with their tools."""

    text: str = ""
    calls: list[ModelCall] = field(default_factory=list)
    finish: str = ""
    stopped: bool = False
    tokens: int = 0


class Fenced(Exception):
    """The lease went to another process: whatever this one says is not wanted any more."""


async def generate(job: Job, draft: Draft, stop: Stop, answer: Answer) -> None:
    """Fills `answer`. Raises ProviderError when the model gave none after all tries, Fenced when the lease was lost."""
    messages, rounds_done = toolbox.replay(job.held, list(job.messages))
    seen = Counter(signature(row.name, row.arguments) for row in job.held.journal)
    for number in range(rounds_done + 1, ROUNDS + 2):
        last = number > ROUNDS or any(count >= toolbox.SAME_CALLS for count in seen.values())
        spoken = await _speak(job, messages, number, () if last else job.tools, draft, stop, answer)
        answer.text = draft.text
        answer.finish, answer.stopped = spoken.finish, spoken.stopped
        if spoken.stopped or not spoken.requests or last:
            return
        crash.point("model answered")
        call = answer.calls.pop()
        results = await toolbox.run_round(
            job.held, number, spoken.text, spoken.requests, job.context, call, draft, offered=job.offered, seen=seen
        )
        if results is None:
            raise Fenced
        messages.append(ChatMessage(role="assistant", text=spoken.text, tool_calls=tuple(spoken.requests)))
        messages.extend(results)


async def _speak(
    job: Job,
    messages: list[ChatMessage],
    number: int,
    tools: tuple[ToolSpec, ...],
    draft: Draft,
    stop: Stop,
    answer: Answer,
) -> Spoken:
    """One call that succeeded, after up to TRIES tries; each leaves its ModelCall in `answer.calls`."""
    request = ChatRequest(
        model=job.model.name,
        messages=tuple(messages),
        tools=tools,
        max_output_tokens=job.longest,
        parameters={**job.model.parameters, **job.parameters},
        deadlines=job.model.deadlines,
    )
    before = draft.text
    for attempt in range(1, TRIES + 1):
        spoken = Spoken()
        draft.waits_since = job.held.turn.run_after if (number, attempt) == (1, 1) else timezone.now()
        try:
            spoken.stopped = not await stop.within(_listen(job, request, draft, spoken))
            if not spoken.stopped and not spoken.requests and not spoken.text.strip():
                raise _nothing_said(spoken)
        except ProviderError as error:
            answer.calls.append(_row(job, number, request, spoken, error.code))
            answer.tokens += _total(spoken)
            log.warning("model_call_failed", code=error.code, model=job.model.reference, retryable=error.retryable)
            wait = _wait(error, attempt)
            if wait is None or stop.asked:
                raise
            if draft.text != before:
                await draft.restart()
                if before:
                    await draft.add(before)
            await stop.within(asyncio.sleep(wait))
            continue
        if spoken.began is not None:
            answer.calls.append(_row(job, number, request, spoken, ""))
            answer.tokens += _total(spoken)
        return spoken
    raise AssertionError("the last try raises")


async def _listen(job: Job, request: ChatRequest, draft: Draft, spoken: Spoken) -> None:
    """One call, once there is a place for it: its deadlines and its time begin then."""
    account = job.model.account
    async with places_for(account).taken_by(job.held.conversation.channel_id):
        draft.waits_since, spoken.began = None, time.monotonic()
        stream = within(client_for(account).stream(request), request.deadlines)
        await _hear(stream, draft, spoken)


async def _hear(stream: AsyncGenerator[StreamEvent, None], draft: Draft, spoken: Spoken) -> None:
    async with aclosing(stream) as events:
        async for event in events:
            if isinstance(event, TextDelta | ToolCallRequest) and spoken.first_token_ms is None:
                spoken.first_token_ms = _ms(spoken)
            match event:
                case TextDelta():
                    spoken.text += event.text
                    await draft.add(event.text)
                case ToolCallRequest():
                    spoken.requests.append(event)
                case Usage():
                    spoken.usage = event
                case Finish():
                    spoken.finish = event.reason


def _nothing_said(spoken: Spoken) -> ProviderError:
    if spoken.finish == "content_filter":
        return ProviderError("content_filter", "the provider's filter held the answer back")
    return ProviderError("empty", "the model said nothing", retryable=True)


def _wait(error: ProviderError, attempt: int) -> float | None:
    """Seconds until the next try, None for none. A filter's or an empty answer is asked for once more at most."""
    if not error.retryable or attempt >= TRIES or (error.code in {"empty", "timeout"} and attempt >= TRIES - 1):
        return None
    if error.retry_after is not None:
        return error.retry_after if error.retry_after <= LONGEST_WAIT else None
    return attempt * random.uniform(0.5, 1.5)  # noqa: S311  jitter, not a secret


def _row(job: Job, number: int, request: ChatRequest, spoken: Spoken, error: str) -> ModelCall:
    """The ledger's row of one call, its price frozen. Unknown usage is null, and so is its cost."""
    usage, price = spoken.usage, job.model.price
    cost = price.cost(usage) if price and usage else None
    model = job.model.reference
    metrics.model_called(bot=job.bot, model=model, usage=usage, nanodollars=cost, error=error)
    if spoken.first_token_ms is not None:
        metrics.FIRST_TOKEN.labels(model).observe(spoken.first_token_ms / 1000)
    own = [m.seq for m in job.held.history]
    row = ModelCall(
        turn=job.held.turn,
        model_id=job.model.id,
        model_name=model,
        level=job.level,
        prompt_version_id=job.prompt_version_id,
        attempt=job.held.turn.attempts,
        round=number,
        first_seq=job.first_seq or (own[0] if own else None),
        last_seq=own[-1] if own else None,
        input_tokens=usage.input_tokens if usage else None,
        cached_tokens=usage.cached_tokens if usage else None,
        output_tokens=usage.output_tokens if usage else None,
        estimated=bool(usage and usage.estimated),
        input_nanodollars=price.input if price else None,
        cached_nanodollars=price.cached if price else None,
        output_nanodollars=price.output if price else None,
        cost_nanodollars=cost,
        latency_ms=_ms(spoken),
        first_token_ms=spoken.first_token_ms,
        finish_reason="stopped" if spoken.stopped else spoken.finish,
        error=error,
    )
    return row.of(job.held.conversation)


def _total(spoken: Spoken) -> int:
    return spoken.usage.input_tokens + spoken.usage.output_tokens if spoken.usage else 0


def _ms(spoken: Spoken) -> int:
    """How long the call has gone on."""
    return round((time.monotonic() - spoken.began) * 1000) if spoken.began is not None else 0
