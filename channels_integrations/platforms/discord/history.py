"""What was said in a chat, read over REST: for the time in which nobody listened."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from channels_integrations.base import ChannelError
from channels_integrations.platforms.discord.rest import Rest

log = structlog.get_logger(__name__)

PAGE = 100
MOST_PAGES = 20  # of one chat
TRIES = 5
PAUSE, LONGEST_PAUSE = 0.5, 60.0  # seconds; doubled each time


async def guild_of(rest: Rest, channel_id: str) -> str:
    """The server that the channel is in; "" for a direct message. Raises ChannelError."""
    told = await _patiently(rest, f"/channels/{channel_id}")
    return str(told.get("guild_id") or "") if isinstance(told, dict) else ""


async def after(rest: Rest, channel_id: str, last: str) -> list[dict[str, Any]]:
    """The chat's messages after this one, oldest first; of very many the newest. Raises ChannelError.

    Read from the newest backwards: what people said to each other since may be more than is read.
    """
    found: list[dict[str, Any]] = []
    before: dict[str, str] = {}
    for _page in range(MOST_PAGES):
        told = await _patiently(rest, f"/channels/{channel_id}/messages", limit=str(PAGE), **before)
        page = sorted(told if isinstance(told, list) else [], key=_number, reverse=True)
        new = [message for message in page if _number(message) > int(last)]
        found += new
        if len(new) < PAGE:
            return found[::-1]
        before = {"before": str(new[-1]["id"])}
    log.warning("discord_gap_cut", chat=channel_id, read=len(found))
    return found[::-1]


def _number(message: dict[str, Any]) -> int:
    return int(message["id"])


async def _patiently(rest: Rest, path: str, **query: str) -> Any:
    """The answer; a fault that may pass is waited for, but not for ever."""
    for tried in range(TRIES):
        try:
            return await rest.get(path, **query)
        except ChannelError as error:
            if error.permanent or error.fault or tried == TRIES - 1:
                raise
            await asyncio.sleep(min(error.retry_after or PAUSE * 2**tried, LONGEST_PAUSE))
    return None
