"""How many sessions the bot may still begin: 1,000 a day, after which Discord resets its token.

https://docs.discord.com/developers/events/gateway#session-start-limit-object
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from channels_integrations.base import ChannelError
from channels_integrations.platforms.discord.rest import Rest

log = structlog.get_logger(__name__)

FEW = 50  # that we leave alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What Discord says of it. `seconds`: until there are as many as ever."""

    sessions: int
    seconds: float

    @property
    def are_few(self) -> bool:
        """Whether no other is to be begun."""
        return self.sessions < FEW


async def left(rest: Rest) -> Left | None:
    """How many are left; None where Discord does not say so. Raises ChannelError."""
    told = await rest.get("/gateway/bot")
    limit = told.get("session_start_limit") if isinstance(told, dict) else None
    found = limit.get("remaining") if isinstance(limit, dict) else None
    if not isinstance(limit, dict) or not isinstance(found, int):
        return None
    millis = limit.get("reset_after")
    return Left(sessions=found, seconds=millis / 1_000 if isinstance(millis, int | float) else 0.0)


async def spare(rest: Rest) -> None:
    """Raises ChannelError when there are few left. That nobody can tell is no reason not to begin one."""
    try:
        found = await left(rest)
    except ChannelError as error:
        log.warning("discord_sessions_not_known", reason=str(error))
        return
    if found is not None and found.are_few:
        raise ChannelError(
            f"only {found.sessions} new sessions are left today, and at 0 Discord resets the token: something starts "
            "again and again, or another program uses it",
            permanent=False, retry_after=found.seconds,
        )  # fmt: skip
