"""What a model is shown: prompt, what was said, what is true just now. Plain values only.

What never changes stands first and what always changes last, so that providers' prompt caches hit. Old messages leave
in blocks: were they to leave one by one, the beginning would differ at every turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bots.providers.base import ChatMessage

BLOCK = 10  # messages that leave together


@dataclass(frozen=True, slots=True)
class Said:
    """A stored message with its number in the conversation."""

    seq: int
    message: ChatMessage


def instructions(*, bot: str, prompt: str, channel_prompt: str = "") -> str:
    """The system message: who the bot is, its prompt, what the channel adds. `{bot}` in a prompt is its name."""
    parts = [f"You are {bot}.", prompt.replace("{bot}", bot), channel_prompt.replace("{bot}", bot)]
    return "\n\n".join(part.strip() for part in parts if part.strip())


def facts(*, now: datetime, person: str = "", language: str = "") -> str:
    """What is true of this very moment and this person."""
    lines = [f"Now: {now:%A, %d %B %Y, %H:%M} ({now.tzname() or 'UTC'})."]
    if person:
        lines.append(f"The person's name: {' '.join(person.split())[:100]}.")
    if language:
        lines.append(f"The person prefers the language {language!r}.")
    return "\n".join(lines)


def compose(
    *, instructions: str, earlier: Sequence[Said], facts: str, own: Sequence[ChatMessage], budget: int, length: int
) -> tuple[tuple[ChatMessage, ...], int | None]:
    """The messages of a call, and the `seq` of the oldest that was kept (None: none of the earlier ones).

    `budget`: tokens they may take in all; `length`: most messages of the conversation. The prompt and the person's own
    last messages are always kept, shortened at worst.
    """
    system = ChatMessage(role="system", text=instructions)
    now = ChatMessage(role="system", text=facts)
    last = [_shortened(message, budget // max(1, len(own))) for message in own]
    left = budget - sum(tokens(m.text) for m in (system, now, *last))
    kept = _newest(earlier, left, max(0, length - len(own)))
    messages = (system, *(said.message for said in kept), now, *last)
    return messages, (kept[0].seq if kept else None)


def tokens(text: str) -> int:
    """An estimate that holds for every script: UTF-8 bytes by three, and four for the frame around a message."""
    return len(text.encode("utf-8", "replace")) // 3 + 4


def _newest(earlier: Sequence[Said], budget: int, length: int) -> Sequence[Said]:
    """As many of the newest as fit; when some must leave, the cut falls on a multiple of BLOCK."""
    start = max(0, len(earlier) - length)
    used = 0
    for index in range(len(earlier) - 1, start - 1, -1):
        used += tokens(earlier[index].message.text)
        if used > budget:
            start = index + 1
            break
    if start == 0:
        return earlier
    while start < len(earlier) and earlier[start].seq % BLOCK and len(earlier) - start > 2:
        start += 1
    return earlier[start:]


def _shortened(message: ChatMessage, budget: int) -> ChatMessage:
    most = max(300, budget * 3 // 2)
    if len(message.text.encode("utf-8", "replace")) <= most:
        return message
    text = message.text.encode("utf-8", "replace")[:most].decode("utf-8", "ignore")
    return ChatMessage(role=message.role, text=text + " […]")
