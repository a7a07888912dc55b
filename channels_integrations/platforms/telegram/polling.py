"""Asking Telegram for messages, again and again: https://core.telegram.org/bots/api#getupdates

Which were taken is remembered here alone and told with the next question, so that those of a process that died come
again to the next one, which knows them by their ids.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, NoReturn

import structlog
from django.db import DatabaseError, InterfaceError

from channels_integrations.base import ChannelError, Handle
from channels_integrations.platforms.telegram.client import Client
from channels_integrations.platforms.telegram.refusals import says

log = structlog.get_logger(__name__)
STORE_AGAIN = (0.5, 1.0, 2.0, 5.0, 10.0)  # seconds; the last for as long as it takes
ASK_AGAIN = (1.0, 5.0, 10.0)  # after a conflict: the process before this one may just be ending
CONFLICT = ("conflict", "terminated by other", "webhook is active")


async def poll(client: Client, handle: Handle, concerns_us: Callable[[bytes], bool]) -> NoReturn:
    """Every update that concerns us in order through `handle`, for ever. Raises ChannelError."""
    offset: int | None = None
    conflicts = 0
    while True:
        try:
            updates = await client.updates(offset)
        except ChannelError as error:
            if not says(str(error), CONFLICT):
                raise
            await _wait_for_the_other(client, error, conflicts)
            conflicts += 1
            continue
        conflicts = 0
        for update in updates:
            body = json.dumps(update, sort_keys=True).encode()
            if concerns_us(body):
                await _store(handle, body)
            offset = _after(update)


def _after(update: Any) -> int:
    """What the next question begins with, so that this one counts as taken. Raises ChannelError."""
    number = update.get("update_id") if isinstance(update, dict) else None
    if not isinstance(number, int):
        raise ChannelError("Telegram gave an update without a number", permanent=False)
    return number + 1


async def _store(handle: Handle, body: bytes) -> None:
    """Until it is stored: whatever comes later comes after it."""
    tries = 0
    while True:
        try:
            return await handle(body)
        except (DatabaseError, InterfaceError) as error:
            log.warning("telegram_database_away", error=type(error).__name__)
            await asyncio.sleep(STORE_AGAIN[min(tries, len(STORE_AGAIN) - 1)])
            tries += 1


async def _wait_for_the_other(client: Client, error: ChannelError, conflicts: int) -> None:
    """Raises ChannelError with a fault when the other program does not go away."""
    if conflicts >= len(ASK_AGAIN):
        fault = (
            "Another program reads this bot's messages, and only one can. Stop it, or give this channel a bot of its "
            f"own. Telegram says: {error}"
        )
        raise ChannelError(str(error), permanent=False, fault=fault) from None
    await asyncio.sleep(ASK_AGAIN[conflicts])
    if says(str(error), ("webhook is active",)):
        await client.call(lambda bot: bot.delete_webhook(drop_pending_updates=False))
