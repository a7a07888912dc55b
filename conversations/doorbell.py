"""Who is told that there is something to do: a worker where there are any, else this process.

A doorbell that nobody hears costs a few seconds: every process sweeps. So it may fail, and never holds up who rings it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings

from conversations.runner import runner

log = structlog.get_logger(__name__)
PATIENCE = 1.0  # seconds that a broker may take

Post = Callable[[Callable[[], None]], None]
_post: Post = lambda work: work()  # noqa: E731  replaced where the runner lives on another thread


def answer_with(post: Post) -> None:
    """Doorbells are heard here: `post` brings work to the runner's loop."""
    global _post
    _post = post


def heard(channel_id: uuid.UUID) -> None:
    """A worker's task came with this hint."""
    _post(lambda: runner.ring_channel(channel_id))


async def ring_channel(channel_id: uuid.UUID) -> None:
    """A raw event of this channel waits to be read."""
    if not settings.CELERY_BROKER_URL:
        runner.ring_channel(channel_id)
        return
    try:
        async with asyncio.timeout(PATIENCE):
            await asyncio.to_thread(_send, "ring_channel", str(channel_id))
    except OSError as error:  # time-outs among them
        log.warning("doorbell_not_heard", error=type(error).__name__)


def _send(task: str, *arguments: Any) -> None:
    from celery import current_app  # half a second, which who has no broker need not pay
    from kombu.exceptions import KombuError

    try:
        current_app.send_task(f"conversations.tasks.{task}", args=arguments, retry=False, expires=60)
    except KombuError as error:
        raise ConnectionError(type(error).__name__) from None
