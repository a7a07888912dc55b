"""What has to hold after every run, read from the rows by SQL and from the judge's log, without the product's code."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tests.chaos.fleet import Fleet

OPEN = {
    "raw events": "SELECT count(*) FROM channels_integrations_rawevent WHERE state = 'new'",
    "turns": "SELECT count(*) FROM conversations_turn WHERE state IN ('queued', 'running', 'waiting')",
    "deliveries": "SELECT count(*) FROM conversations_delivery WHERE state IN ('new', 'sending')",
}


@dataclass(slots=True)
class Verdict:
    """Counts of what must not be. `extra_calls`: calls of the model over one a message."""

    messages: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    extra_calls: int = 0
    states: dict[str, dict[str, int]] = field(default_factory=dict)
    flagged: int = 0
    reasons: list[str] = field(default_factory=list)  # why rows are dead or failed, and what the judged logged of it

    def __str__(self) -> str:
        return (
            f"{self.messages} messages: lost {len(self.lost)}, doubled {len(self.doubled)}, out of order "
            f"{len(self.out_of_order)}, extra model calls {self.extra_calls} "
            f"({self.extra_calls / max(1, self.messages):.2%}), flagged {self.flagged}, {self.states}"
            + "".join(f"\n  {reason}" for reason in self.reasons)
        )


def ask(fleet: Fleet, sql: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(fleet.database, connect_timeout=5) as connection:
        return connection.execute(sql.encode()).fetchall()


def settled(fleet: Fleet, seconds: float) -> dict[str, int]:
    """What is still open when nothing is any more, or the time is up."""
    end = time.monotonic() + seconds
    while True:
        left = {noun: ask(fleet, sql)[0][0] for noun, sql in OPEN.items()}
        left = {noun: count for noun, count in left.items() if count}
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.2)


def unknown_orders(fleet: Fleet) -> set[str]:
    """Orders whose payment nobody can be sure of, and which say so."""
    sql = "SELECT arguments FROM conversations_toolcall WHERE state = 'unknown'"
    return {json.loads(arguments)["order"] for (arguments,) in ask(fleet, sql)}


def verdict(fleet: Fleet, acked: dict[str, list[str]], *, answer: str = "echo: {}") -> Verdict:
    """Joins what was acknowledged with what the judge saw sent."""
    found = Verdict(messages=sum(map(len, acked.values())))
    sent: dict[str, list[str]] = defaultdict(list)
    for record in fleet.records("sent"):
        sent[record["chat"]].append(record["text"])
    for chat, texts in acked.items():
        expected = [answer.format(text) for text in texts]
        counts = Counter(sent[chat])
        found.lost += [text for text in expected if not counts[text]]
        found.doubled += [text for text in expected if counts[text] > 1]
        if [text for text in dict.fromkeys(sent[chat]) if text in counts] != [t for t in expected if counts[t]]:
            found.out_of_order.append(chat)
    found.extra_calls = len(fleet.records("model")) - found.messages
    for noun, table in (
        ("raw", "channels_integrations_rawevent"), ("turns", "conversations_turn"),
        ("deliveries", "conversations_delivery"),
    ):  # fmt: skip
        found.states[noun] = dict(ask(fleet, f"SELECT state, count(*) FROM {table} GROUP BY 1"))  # noqa: S608
    found.reasons = reasons(fleet)
    found.flagged = ask(fleet, "SELECT count(*) FROM conversations_delivery WHERE ambiguous")[0][0]
    return found


def reasons(fleet: Fleet) -> list[str]:
    """Why rows came to nothing, and the traces that were logged; none when no row did."""
    sql = (
        "SELECT 'event', reason FROM channels_integrations_rawevent WHERE state = 'dead' UNION ALL "
        "SELECT 'turn', reason FROM conversations_turn WHERE state IN ('failed', 'dead') UNION ALL "
        "SELECT 'delivery', reason FROM conversations_delivery WHERE state IN ('failed', 'unknown', 'expired')"
    )
    rows = [f"{noun}: {reason}" for noun, reason in ask(fleet, sql)]
    return rows and rows + [line for line in fleet.log_lines() if '"exception"' in line][:20]


def invariants(fleet: Fleet, found: Verdict) -> None:
    """I1 to I6, but for what a run allows itself."""
    stored = "SELECT count(*), count(DISTINCT (channel_id, text)) FROM conversations_message WHERE role = 'user'"
    held = "SELECT count(*) FROM conversations_conversation WHERE lease_until IS NOT NULL"
    assert found.states["raw"].keys() == {"done"}, found  # I1
    assert ask(fleet, stored) == [(found.messages, found.messages)], found
    assert found.states["turns"] == {"done": found.messages}, found  # I2
    assert not found.lost and not found.doubled, found  # I3
    assert not found.out_of_order, found  # I4
    assert found.states["deliveries"].keys() == {"sent"}, found  # I6
    assert ask(fleet, held) == [(0,)]
