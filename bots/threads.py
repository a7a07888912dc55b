"""The one bridge from async code to the database: a sync function on a bounded pool of threads.

Each thread keeps its own connection as long as nothing is wrong with it. To take one out of the pool for each piece of
work, which also asks the server whether it is there, costs as much as the work of a turn. Django's own `sync_to_async`
would put every call of the process on one thread.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import select
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import translation

AWAY = (OperationalError, InterfaceError)  # what Django raises while the database cannot be reached

P = ParamSpec("P")
T = TypeVar("T")

RESERVE = 2
LOOK_SECONDS = 1.0  # after which a connection is looked at again before it is used
_executors: dict[str, ThreadPoolExecutor] = {}
_kept: dict[BaseDatabaseWrapper, float] = {}  # connections of all the threads there are: when each was looked at last


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `function(*args, **kwargs)` returns, run on a database thread; contextvars and language are carried over."""
    return await _crossed(_pool(), _call(functools.partial(function, *args, **kwargs)))


async def in_reserve(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As `in_thread`, on two threads kept for what must come in while all others wait for the database."""
    return await _crossed(_pool("reserve"), _call(functools.partial(function, *args, **kwargs)))


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


async def _crossed(pool: ThreadPoolExecutor, call: Callable[[], T]) -> T:
    """What `call` returns on a thread of the pool. As `run_in_executor`, whose two futures with locks cost as much."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[T] = loop.create_future()

    def work() -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001  told to who waits
            _tell(loop, _fail, waiter, error)
        else:
            _tell(loop, _end, waiter, result)

    task = pool.submit(work)
    try:
        return await waiter
    except asyncio.CancelledError:
        task.cancel()  # where it has not begun, it shall not
        raise


def _tell(loop: asyncio.AbstractEventLoop, end: Callable[..., None], *args: Any) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(end, *args)


def _end(waiter: asyncio.Future[T], result: T) -> None:
    if not waiter.done():
        waiter.set_result(result)


def _fail(waiter: asyncio.Future[T], error: BaseException) -> None:
    if not waiter.done():
        waiter.set_exception(error)


def shutdown() -> None:
    """End the threads and close what they held. The next call starts new ones."""
    while _executors:
        _name, executor = _executors.popitem()
        executor.shutdown(wait=True)
    if _kept:
        closer = threading.Thread(target=_close_kept)  # Django closes no connection on a thread with an event loop
        closer.start()
        closer.join()


def _close_kept() -> None:
    while _kept:
        connection, _looked = _kept.popitem()
        connection.inc_thread_sharing()
        connection.close()


def _pool(name: str = "db") -> ThreadPoolExecutor:
    """SQLite has one writer, and so one pool of one thread."""
    name, size = ("db", settings.DB_THREADS) if name == "db" or settings.EMBEDDED else (name, RESERVE)
    if name not in _executors:
        _executors[name] = ThreadPoolExecutor(size, thread_name_prefix=name)
    return _executors[name]


def _call(function: Callable[[], T]) -> Callable[[], T]:
    return functools.partial(_run, contextvars.copy_context(), translation.get_language(), function)


def _run(context: contextvars.Context, language: str | None, function: Callable[[], T]) -> T:
    for connection in connections.all(initialized_only=True):
        if connection.connection is not None and not _is_good(connection):
            connection.close()
    context.run(translation.activate, language or settings.LANGUAGE_CODE)  # which Django keeps by thread
    try:
        return context.run(function)
    finally:
        for connection in connections.all(initialized_only=True):
            _kept.setdefault(connection, time.monotonic())


def _is_good(connection: BaseDatabaseWrapper) -> bool:
    """Whether it can be used again: no error, no transaction left open, and the server has not hung up."""
    return not connection.errors_occurred and connection.autocommit and not _has_news(connection)


def _has_news(connection: BaseDatabaseWrapper) -> bool:
    """Whether the server said something that nobody asked for: that it goes, mostly."""
    if connection.vendor != "postgresql":
        return False
    if connection.connection.closed:
        return True
    if time.monotonic() - _kept.get(connection, 0) < LOOK_SECONDS:
        return False
    _kept[connection] = time.monotonic()
    poll = select.poll()
    poll.register(connection.connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
