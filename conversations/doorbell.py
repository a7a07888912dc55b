"""Who is told that there is something to do: a worker where there are any, else this process.

A doorbell that nobody hears costs a few seconds: every process sweeps. So it may fail, and never holds up who rings it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from django.conf import settings

from bots.silence import Silence
from conversations.runner import runner

log = structlog.get_logger(__name__)
PATIENCE = 1.0  # seconds that a broker may take

Post = Callable[[Callable[[], None]], None]
_threads = ThreadPoolExecutor(2, thread_name_prefix="doorbell")  # its own: they may hang, and must not hold up others
_silence = Silence()
_post: Post = lambda work: work()  # noqa: E731  replaced where the runner lives on another thread


def answer_with(post: Post) -> None:
    """Doorbells are heard here: `post` brings work to the runner's loop."""
    global _post
    _post = post


def heard(channel_id: uuid.UUID) -> None:
    """Somebody rang here: a worker's task came, or nobody else can be told."""
    _post(lambda: runner.ring_channel(channel_id))


async def ring_channel(channel_id: uuid.UUID) -> None:
    """A raw event of this channel waits to be read: by a worker, or by this process when none can be told."""
    if settings.CELERY_BROKER_URL and not _silence.holds and await _told(channel_id):
        return
    heard(channel_id)


async def _told(channel_id: uuid.UUID) -> bool:
    """Whether the broker took it. One that did not is left alone for a while: nobody waits for it meanwhile."""
    sending = asyncio.get_running_loop().run_in_executor(_threads, _send, "ring_channel", str(channel_id))
    try:
        async with asyncio.timeout(PATIENCE):
            await sending
    except OSError as error:  # time-outs among them
        log.warning("doorbell_not_heard", error=type(error).__name__)
        _silence.begin()
        return False
    return True


def _send(task: str, *arguments: Any) -> None:
    from celery import current_app  # half a second, which who has no broker need not pay
    from kombu.exceptions import KombuError

    try:
        current_app.send_task(f"conversations.tasks.{task}", args=arguments, retry=False, expires=60)
    except KombuError as error:
        raise ConnectionError(type(error).__name__) from None
