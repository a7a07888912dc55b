"""From a message to its answer, for doors that wait: the turn runs by itself, whether or not anybody still listens."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bots.models.price import dollars
from bots.threads import in_thread
from conversations.accept import Accepted
from conversations.draft import Frame
from conversations.frames import message_frame
from conversations.hub import Watcher
from conversations.models import Message, ModelCall, Turn
from conversations.runner import runner

LONGEST_WAIT = 130.0
LOOK_SECONDS = (0.5, 4.0)  # until the rows are asked, ever later: the hub tells of messages, not of each turn's end


class NoAnswer(Exception):
    """No answer within LONGEST_WAIT: the turn goes on and stays readable. Or none to come; the text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A turn's outcome, as programs are told of it."""

    message: Message
    state: str
    reason: str
    usage: dict[str, Any]

    @property
    def failed(self) -> bool:
        return self.state in (Turn.State.FAILED, Turn.State.DEAD)


@asynccontextmanager
async def watching(conversation_id: uuid.UUID, seq: int) -> AsyncGenerator[Watcher, None]:
    """What happens in the conversation after `seq`, from before its turn is rung for."""
    watcher = Watcher()
    runner.watch(conversation_id, watcher, seen=seq)
    try:
        yield watcher
    finally:
        runner.leave(conversation_id, watcher)


async def answered(accepted: Accepted, text: str) -> Answered | None:
    """The message's answer; None when nobody answers by machine. Raises NoAnswer."""
    last: Answered | None = None
    async for item in frames(accepted, text):
        if isinstance(item, Answered):
            last = item
    return last


async def frames(accepted: Accepted, text: str) -> AsyncGenerator[Frame | Answered, None]:
    """The turn's frames as they come, and its outcome last. Raises NoAnswer."""
    turn_id = accepted.turn_id
    async with watching(accepted.conversation_id, accepted.seq) as watcher:
        await runner.follow_up(accepted, text)
        if turn_id is None:
            return
        end, look = asyncio.get_running_loop().time() + LONGEST_WAIT, LOOK_SECONDS[0]
        while asyncio.get_running_loop().time() < end:
            try:
                frame = await asyncio.wait_for(watcher.frames.get(), look)
            except TimeoutError:
                frame, look = {}, min(look * 2, LOOK_SECONDS[1])
            if frame.get("turn") == str(turn_id) and frame["type"] != "message":
                yield frame
                continue
            outcome = await in_thread(_outcome_of, turn_id) if not frame or frame["type"] == "message" else None
            if outcome is not None:
                yield message_frame(outcome.message)
                yield outcome
                return
    raise NoAnswer("There is no answer yet; the turn goes on.")


def _outcome_of(turn_id: uuid.UUID) -> Answered | None:
    """As `outcome_of`. Raises NoAnswer where there is none to come: a person took over, or the channel was paused."""
    turn = Turn.objects.get(pk=turn_id)
    outcome = None if turn.is_open else outcome_of(turn_id)
    if outcome is None and not turn.is_open:
        raise NoAnswer(f"This was not answered: {turn.reason}.")
    return outcome


def outcome_of(turn_id: uuid.UUID) -> Answered | None:
    """The turn's outcome when it has one."""
    turn = Turn.objects.get(pk=turn_id)
    if turn.is_open:
        return None
    answers = Message.objects.filter(conversation_id=turn.conversation_id, turn=turn, role=Message.Role.ASSISTANT)
    message = answers.order_by("-seq").first()
    if message is None:
        return None
    return Answered(message=message, state=turn.state, reason=turn.reason, usage=usage_of(turn_id))


def usage_of(turn_id: uuid.UUID) -> dict[str, Any]:
    """Tokens and cost of a turn; the cost is null as soon as one call's is unknown."""
    calls = list(ModelCall.objects.filter(turn_id=turn_id))
    costs = [call.cost_nanodollars for call in calls]
    known = [cost for cost in costs if cost is not None]
    total = dollars(sum(known)) if len(known) == len(costs) else None
    return {
        "prompt_tokens": sum(call.input_tokens or 0 for call in calls),
        "completion_tokens": sum(call.output_tokens or 0 for call in calls),
        "cost_usd": None if total is None else f"{total:.9f}",
    }
