"""A round of tools: run at most four at once, journaled so that no effect happens twice, results back to the model."""

from __future__ import annotations

import asyncio
import dataclasses

from django.utils import timezone

from bots import crash
from bots.providers.base import ChatMessage, ToolCallRequest
from bots.threads import in_thread_again
from bots.tools.base import ToolContext, ToolError, parse_arguments, run, signature, tools
from conversations import turns
from conversations.draft import Draft
from conversations.models import ModelCall, ToolCall
from conversations.turns import Claim

SAME_CALLS = 3
PARALLEL = 4
MOST_CALLS = 16  # of one round; a model that asks for more is told so
UNKNOWN = "Outcome unknown: this was started and interrupted, and is not repeated. Tell the person to check."


def replay(held: Claim, messages: list[ChatMessage]) -> tuple[list[ChatMessage], int]:
    """The messages with the rounds an earlier attempt finished, and how many those are: done is not done again."""
    said = {row.round: row.said or {} for row in held.rounds}
    last = 0
    for number in sorted({row.round for row in held.journal}):
        calls = [row for row in held.journal if row.round == number]
        if any(row.state == ToolCall.State.STARTED for row in calls):
            break
        requests = tuple(ToolCallRequest(id=c.call_id, name=c.name, arguments=c.arguments) for c in calls)
        messages.append(ChatMessage(role="assistant", text=said.get(number, {}).get("text", ""), tool_calls=requests))
        messages.extend(_result(call) for call in calls)
        last = number
    return messages, last


async def finish_interrupted(held: Claim, context: ToolContext, *, offered: frozenset[str]) -> bool:
    """Leaves no tool call `started`: `once` ones become unknown and are flagged, others run again. False: fenced."""
    open_calls = [row for row in held.journal if row.state == ToolCall.State.STARTED]
    for row in open_calls:
        if row.effects == "once" and row.name in offered:
            _end(row, ToolCall.State.UNKNOWN, UNKNOWN)
        else:
            await _run_one(row, context, offered=offered, seen={})
    return not open_calls or await in_thread_again(turns.journal, held, None, open_calls)


async def run_round(
    held: Claim,
    number: int,
    text: str,
    requests: list[ToolCallRequest],
    context: ToolContext,
    call: ModelCall,
    draft: Draft,
    *,
    offered: frozenset[str],
    seen: dict[str, int],
) -> list[ChatMessage] | None:
    """The tools' results as messages, written down; None when the lease was lost, and then nothing more was started."""
    rows = [_row(held, number, position, request) for position, request in enumerate(requests[:MOST_CALLS])]
    del requests[MOST_CALLS:]
    call.said = {"text": text}
    started = any(row.effects != "none" for row in rows)
    if started and not await in_thread_again(turns.journal, held, call, rows):
        return None
    crash.point("tools journaled")
    places = asyncio.Semaphore(PARALLEL)

    async def one(row: ToolCall) -> None:
        async with places:
            await draft.tool(row.name, "running")
            await _run_one(row, context, offered=offered, seen=seen)
            await draft.tool(row.name, row.state)
            crash.point("tool ran")

    await asyncio.gather(*(one(row) for row in rows))
    if not await in_thread_again(turns.journal, held, None if started else call, rows):
        return None
    crash.point("tools done")
    return [_result(row) for row in rows]


async def _run_one(row: ToolCall, context: ToolContext, *, offered: frozenset[str], seen: dict[str, int]) -> None:
    key = signature(row.name, row.arguments)
    seen[key] = seen.get(key, 0) + 1
    entry = tools.get(row.name) if row.name in offered else None
    try:
        if entry is None:
            raise ToolError(f"there is no tool {row.name!r}")
        arguments = parse_arguments(entry, row.arguments)
        result = await run(entry, arguments, dataclasses.replace(context, idempotency_key=str(row.pk)))
    except ToolError as error:
        if error.unknown and row.effects == "once":
            _end(row, ToolCall.State.UNKNOWN, f"Error: {error}. {UNKNOWN}")
        else:
            _end(row, ToolCall.State.FAILED, f"Error: {error}")
    else:
        _end(row, ToolCall.State.DONE, result)


def _row(held: Claim, number: int, position: int, request: ToolCallRequest) -> ToolCall:
    entry = tools.get(request.name)
    return ToolCall(
        turn=held.turn,
        round=number,
        position=position,
        call_id=request.id[:200],
        name=request.name[:100],
        arguments=request.arguments[:20_000].replace("\0", "\\u0000").encode("utf-8", "replace").decode(),
        effects=entry.effects if entry else "none",
        state=ToolCall.State.STARTED,
    )


def _end(row: ToolCall, state: ToolCall.State, result: str) -> None:
    row.state, row.result, row.finished_at = state, result, timezone.now()


def _result(row: ToolCall) -> ChatMessage:
    return ChatMessage(role="tool", text=row.result, tool_call_id=row.call_id, name=row.name)
