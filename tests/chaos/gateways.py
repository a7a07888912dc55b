"""Gateways that are started, killed and watched, and what a kill may have cost."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.fleet import Fleet, Process, until
from tests.chaos.talks import Talks
from tests.chaos.verdict import ask, settled

LISTENED = """
    SELECT count(*) FROM channels_integrations_listener l JOIN channels_integrations_gateway g ON g.id = l.gateway_id
    WHERE l.state = 'listening' AND g.name LIKE '%:{pid}'
"""
STORED = "SELECT count(*) FROM conversations_message WHERE role = 'user'"
# Where a placeholder or a text was under way when its process died, and nobody knows whether it was taken.
PLACING = """
    SELECT id, attempts FROM conversations_turn WHERE live_id = '?' AND state = 'running' UNION
    SELECT d.id, d.attempts FROM conversations_delivery d JOIN conversations_message m ON m.id = d.message_id
    JOIN conversations_conversation c ON c.id = m.conversation_id
    WHERE d.state = 'sending' AND d.platform_id = '' AND c.chat_id LIKE '-%'
"""
SENDING = """
    SELECT d.id, d.attempts FROM conversations_delivery d JOIN conversations_message m ON m.id = d.message_id
    JOIN conversations_conversation c ON c.id = m.conversation_id
    WHERE d.state = 'sending' AND c.chat_id NOT LIKE '-%'
"""


@dataclass(slots=True)
class Toll:
    """Of all kills: how many, and how many placeholders and texts were under way at them."""

    kills: int = 0
    placing: set[Any] = field(default_factory=set)  # each with its attempt: it may still be there at the next kill
    sending: set[Any] = field(default_factory=set)
    seconds: list[float] = field(default_factory=list)  # until each new process listened

    def __str__(self) -> str:
        waits = sorted(self.seconds) or [0.0]
        return (
            f"{self.kills} kills, at which {len(self.placing)} placeholders and {len(self.sending)} private sends were"
            f" under way; {waits[len(waits) // 2]:.1f} s until the next one listened"
        )


def listens(made: Fleet, process: Process) -> int:
    """To how many channels this one does."""
    return int(ask(made, LISTENED.format(pid=process.pid))[0][0])


def listening(made: Fleet, channels: int = 1, *, crash_at: str = "", patience: float = 0) -> Process:
    """A new gateway that listens to so many."""
    process = made.start("gateway", crash_at=crash_at, patience=patience)
    until(lambda: listens(made, process) >= channels, 60, lambda: made.told(process.log.name))
    return process


def kill(made: Fleet, toll: Toll) -> None:
    """The one gateway that there is dies; what was under way is noted."""
    (victim,) = made.processes
    assert victim.is_alive, made.told(victim.log.name)
    victim.send(signal.SIGKILL)
    until(lambda: not victim.is_alive, 10)
    made.processes.remove(victim)
    time.sleep(0.05)  # what it had committed is there
    toll.kills += 1
    toll.placing.update(ask(made, PLACING))
    toll.sending.update(ask(made, SENDING))


def keep_killing(made: Fleet, toll: Toll, over: Callable[[], bool], *, seconds: float, once_ready: bool) -> None:
    """Again and again so many seconds after the gateway was started, or after it listened; one stays in the end."""
    while not over():
        began = time.monotonic()
        process = made.start("gateway", patience=6)  # twice too slow is lost: a busy machine shall not be
        while once_ready and not over() and not listens(made, process):
            time.sleep(0.05)
        toll.seconds += [time.monotonic() - began] if once_ready else []
        end = time.monotonic() + seconds
        while not over() and time.monotonic() < end:
            time.sleep(0.05)
        if not over():
            kill(made, toll)


def is_done(made: Fleet, talks: Sequence[Talks]) -> bool:
    """Whether all that was said is stored and nothing is left to do."""
    return bool(ask(made, STORED)[0][0] >= sum(talk.count for talk in talks)) and not settled(made, 0)


async def until_done(made: Fleet, talks: Sequence[Talks], seconds: float) -> None:
    """All that was asked is answered."""
    end = time.monotonic() + seconds
    while not await asyncio.to_thread(is_done, made, talks):
        assert time.monotonic() < end, [str(talk.found()) for talk in talks] + [settled(made, 0)]
        await asyncio.sleep(0.3)


def states(made: Fleet) -> dict[str, int]:
    """How the deliveries ended."""
    return dict(ask(made, "SELECT state, count(*) FROM conversations_delivery GROUP BY 1"))


def flagged_texts(made: Fleet) -> list[str]:
    """Texts of deliveries that may have arrived more than once."""
    return [text for (text,) in ask(made, "SELECT payload->>'text' FROM conversations_delivery WHERE ambiguous")]
