"""How a turn ends, in words: what the model said, or a sentence of ours."""

from __future__ import annotations

from typing import Any

from conversations import notices
from conversations.agent import Answer, Job
from conversations.models import Turn
from conversations.turns import Outcome

APART: dict[str, Any] = {"in_context": False, "question_in_context": False}  # between us and the person alone


def spoken(job: Job, answer: Answer) -> Outcome:
    """The model's answer, whole or as far as it came."""
    text = answer.text.strip()
    if answer.stopped:
        text = text or notices.stopped_empty()
    elif answer.finish == "length":
        text = f"{text}\n\n{notices.shortened()}"
    return Outcome(
        state=Turn.State.STOPPED if answer.stopped else Turn.State.DONE,
        text=text,
        reason={"length": "the answer reached its limit"}.get(answer.finish, ""),
        model=job.model.reference,
        tokens=answer.tokens,
        metadata={"stopped": True} if answer.stopped else {},
        calls=tuple(answer.calls),
    )


def stopped() -> Outcome:
    """Of a turn that somebody stopped before a model had answered it."""
    return Outcome(
        state=Turn.State.STOPPED, text=notices.stopped_empty(), reason="stopped before a model answered",
        metadata={"stopped": True},
    )  # fmt: skip


def broken() -> Outcome:
    """A fault of ours; its trace is in the log."""
    return notice(Turn.State.FAILED, "a fault of ours, see the log", notices.bug())


def notice(state: Turn.State, reason: str, text: str, **more: Any) -> Outcome:
    """A sentence to the person, which models are not shown."""
    return Outcome(state=state, text=text, reason=reason, in_context=False, metadata={"notice": True}, **more)
