"""The one bridge from async code to the database: a sync function on a bounded pool of threads.

Each thread has its own connection, handed back to the pool (PostgreSQL) or kept (SQLite: one writer thread) after each
unit of work. Django's own `sync_to_async` would put every call of the process on one thread.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections, connections

AWAY = (OperationalError, InterfaceError)  # what Django raises while the database cannot be reached

P = ParamSpec("P")
T = TypeVar("T")

_executor: ThreadPoolExecutor | None = None


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `function(*args, **kwargs)` returns, run on a database thread; contextvars are carried over."""
    call = functools.partial(_run, contextvars.copy_context(), functools.partial(function, *args, **kwargs))
    return await asyncio.get_running_loop().run_in_executor(_pool(), call)


async def in_thread_again(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As `in_thread`, asked again for some seconds while the database is away: for writes that do no harm twice."""
    end = asyncio.get_running_loop().time() + settings.LEASE_SECONDS * 0.6
    wait = settings.LEASE_SECONDS / 100
    while True:
        try:
            return await in_thread(function, *args, **kwargs)
        except AWAY:
            if asyncio.get_running_loop().time() + wait > end:
                raise
        await asyncio.sleep(wait)
        wait *= 2


def shutdown() -> None:
    """End the threads and close what they held. The next call starts new ones."""
    global _executor
    if _executor is None:
        return
    for _ in range(settings.DB_THREADS):
        _executor.submit(connections.close_all)
    _executor.shutdown(wait=True)
    _executor = None


def _pool() -> ThreadPoolExecutor:
    global _executor
    if _executor is None:
        _executor = ThreadPoolExecutor(settings.DB_THREADS, thread_name_prefix="db")
    return _executor


def _run(context: contextvars.Context, function: Callable[[], T]) -> T:
    close_old_connections()
    try:
        return context.run(function)
    finally:
        close_old_connections()
        for connection in connections.all(initialized_only=True):
            if connection.settings_dict.get("OPTIONS", {}).get("pool"):
                connection.close()
