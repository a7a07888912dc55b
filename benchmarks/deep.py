"""Whether a turn costs the same however much was said: at message 100,000 and at 20, among 1,000,000."""

from __future__ import annotations

import asyncio
from statistics import median

import psycopg

from benchmarks.figures import Figure, Goal, Table
from benchmarks.load import Crowd
from benchmarks.targets import Target

LONG = 9  # conversations
ROUNDS = 10  # turns of each conversation


def deepen(target: Target, messages: int) -> None:
    """Give the first visitors so many messages each, behind those they have."""
    rows = """
      INSERT INTO conversations_message (id, conversation_id, channel_id, seq, role, text, parts, in_context,
        model_used, feedback, metadata, created_at)
      SELECT gen_random_uuid(), c.id, c.channel_id, n, CASE WHEN n %% 2 = 1 THEN 'user' ELSE 'assistant' END,
        'Your parcel is on its way, and nothing else is known of it so far. ', '[]', true, '', 0, '{}', now()
      FROM (SELECT id, channel_id, next_seq FROM conversations_conversation ORDER BY id LIMIT %(long)s) AS c,
           generate_series(c.next_seq, %(messages)s) AS n"""
    with psycopg.connect(target.recipe.database, autocommit=True) as connection:
        connection.execute(rows, {"long": LONG, "messages": messages})
        connection.execute(
            "UPDATE conversations_conversation SET next_seq = %s WHERE id IN"
            " (SELECT id FROM conversations_conversation ORDER BY id LIMIT %s)", [messages + 1, LONG],
        )  # fmt: skip
        connection.execute("VACUUM ANALYZE conversations_message")


async def deep(target: Target, table: Table, *, messages: int) -> None:
    """Turns of long and of short conversations, one after the other and in turn."""
    deepen(target, messages)
    crowd = Crowd(target.address)
    await crowd.come(target.recipe.visitors[: 2 * LONG], at_once=1)
    visitors = list(crowd.visitors)
    found: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for pair in zip(visitors[:LONG], visitors[LONG:], strict=True):
            for visitor, times in zip(pair, found, strict=True):
                await asyncio.sleep(visitor.wait())
                times.append((await visitor.ask("instant: where is my parcel?")).total * 1000)
    await crowd.close()
    ratio = median(found[0]) / median(found[1])
    told = " / ".join(f"{median(times):.1f}" for times in found)
    name = f"ms of a turn alone, at message {messages:,} / 20, {LONG * messages:,} rows"
    table.add(Figure(name, (told,), Goal(f"≤ 1.1 × ({ratio:.2f})", ratio, 1.1)))
