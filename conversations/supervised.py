"""Work that a process does again and again as long as it lives."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from django.db import Error

log = structlog.get_logger(__name__)


async def every(seconds: float, work: Callable[[], Awaitable[Any]]) -> None:
    """`work` again and again; an outage of the database is told once a round and outlived."""
    while True:
        began = time.monotonic()
        try:
            await work()
        except Error as error:
            log.warning("background_work_failed", error=type(error).__name__, work=getattr(work, "__name__", ""))
        except Exception:  # a supervisor: without its renewals, or its sweeps, a process would be of no use
            log.exception("background_work_broke", work=getattr(work, "__name__", ""))
        await asyncio.sleep(max(0.05, seconds - (time.monotonic() - began)))
