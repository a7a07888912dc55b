"""What was said in a chat, read over REST: for the time in which nobody listened."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from channels_integrations.base import ChannelError
from channels_integrations.platforms.discord.rest import Rest

PAGE = 100
MOST_PAGES = 20  # of one chat
TRIES = 5
PAUSE, LONGEST_PAUSE = 0.5, 60.0  # seconds; doubled each time


async def guild_of(rest: Rest, channel_id: str) -> str:
    """The server that the channel is in; "" for a direct message. Raises ChannelError."""
    told = await _patiently(rest, f"/channels/{channel_id}")
    return str(told.get("guild_id") or "") if isinstance(told, dict) else ""


async def after(rest: Rest, channel_id: str, last: str) -> AsyncIterator[dict[str, Any]]:
    """The chat's messages after this one, oldest first. Raises ChannelError."""
    for _page in range(MOST_PAGES):
        found = await _patiently(rest, f"/channels/{channel_id}/messages", after=last, limit=str(PAGE))
        page = sorted(found if isinstance(found, list) else [], key=lambda told: int(told["id"]))
        for told in page:
            yield told
        if len(page) < PAGE:
            return
        last = str(page[-1]["id"])


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
