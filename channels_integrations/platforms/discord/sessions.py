"""How many connections the bot is to have, how fast they may be begun, and how many are left for today.

Of those there are 1,000 a day, after which Discord resets the token.
https://docs.discord.com/developers/events/gateway#sharding
https://docs.discord.com/developers/events/gateway#session-start-limit-object
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings

from channels_integrations.base import ChannelError
from channels_integrations.platforms.discord.rest import Rest

log = structlog.get_logger(__name__)

FEW = 50  # sessions that we leave alone
MOST_SHARDS = 1_000  # an answer with more is none
IDENTIFY_PAUSE = 5.0  # seconds before another session of one bucket is begun


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What Discord says of the bot's sessions. `left`: for today, None where it does not say so; `seconds`: until there
    are as many as ever; `shards`: connections that it wants, 0 where it does not say so; `at_once`: sessions that may
    be begun together.
    """

    left: int | None = None
    seconds: float = 0.0
    shards: int = 0
    at_once: int = 1

    @property
    def are_few(self) -> bool:
        """Whether no other is to be begun."""
        return self.left is not None and self.left < FEW

    def fit(self, shards: int) -> bool:
        """Whether we may go on with so many: more do no harm, but not more than twice as many. What it wants wavers."""
        return not self.shards or self.shards <= shards <= 2 * self.shards


async def limits(rest: Rest) -> Limits:
    """What it says now. Raises ChannelError."""
    found = await rest.get("/gateway/bot")
    told = found if isinstance(found, dict) else {}
    start = told.get("session_start_limit")
    start = start if isinstance(start, dict) else {}
    left, millis = start.get("remaining"), start.get("reset_after")
    return Limits(
        left=left if isinstance(left, int) else None,
        seconds=millis / 1_000 if isinstance(millis, int | float) else 0.0,
        shards=_count(told.get("shards")),
        at_once=max(1, _count(start.get("max_concurrency"))),
    )


async def spare(rest: Rest) -> Limits | None:
    """What holds for another session. Raises ChannelError when there are few left.

    None: nobody can tell, which is no reason not to begin one.
    """
    try:
        found = await limits(rest)
    except ChannelError as error:
        log.warning("discord_sessions_not_known", reason=str(error))
        return None
    if found.are_few:
        raise ChannelError(
            f"only {found.left} new sessions are left today, and at 0 Discord resets the token: something starts "
            "again and again, or another program uses it",
            permanent=False, retry_after=found.seconds,
        )  # fmt: skip
    return found


class Turns:
    """Whose turn it is to begin a session, among the shards of one bucket in this process.

    Of those in other processes nobody here knows: Discord refuses the later one's session, which is tried again.
    """

    def __init__(self) -> None:
        self._first = asyncio.Lock()
        self._last = float("-inf")

    def taken(self) -> None:
        """A session is begun now."""
        self._last = time.monotonic()

    async def wait(self) -> None:
        """Until one may be begun, which is then to be done at once."""
        async with self._first:
            while (wait := self._last + IDENTIFY_PAUSE - time.monotonic()) > 0:  # noqa: ASYNC110  time is waited for
                await asyncio.sleep(wait)
            self.taken()


_turns: dict[tuple[str, str, int], Turns] = defaultdict(Turns)  # (gateway, bot, bucket)


def turns(bot: str, shard: int, at_once: int) -> Turns:
    """Those of the shard's bucket."""
    return _turns[settings.DISCORD_GATEWAY_URL, bot, shard % at_once]


def _count(told: Any) -> int:
    return told if isinstance(told, int) and 1 <= told <= MOST_SHARDS else 0
