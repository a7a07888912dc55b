"""Presses of buttons: the platform shows that one waits until it is told that we noticed."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence

import structlog
from django.conf import settings

from bots.threads import in_thread
from channels_integrations.base import ChannelError, PressableAdapter, Pressed
from channels_integrations.setup import Misconfigured, adapter_of

log = structlog.get_logger(__name__)


async def acknowledge(channel_id: uuid.UUID, presses: Sequence[Pressed]) -> None:
    """Tell the platform. Nothing is lost where that fails: the press itself is stored."""
    try:
        adapter = await in_thread(adapter_of, channel_id)
    except Misconfigured:
        return
    if not isinstance(adapter, PressableAdapter):
        return
    for press in presses:
        try:
            async with asyncio.timeout(settings.SEND_SECONDS):
                await adapter.acknowledge(press)
        except (ChannelError, TimeoutError) as error:
            log.info("press_not_acknowledged", reason=str(error)[:200])
