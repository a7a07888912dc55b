"""What every test shares."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Iterator

import pytest

from bots import threads
from bots.providers import pool
from tests import emptying

emptying.install()


def pytest_configure() -> None:
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["tests.passwords.Once"]
    settings.REDIS_SECONDS = 3.0  # a busy machine's silence is no outage


@pytest.fixture(autouse=True)
def threads_end() -> Iterator[None]:
    """None keeps a connection from one test to the next."""
    yield
    threads.shutdown()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run `async def test_...` on an event loop of its own.

    Code under test crosses to the database on threads with their own connections, which see nothing of a test's open
    transaction: tests that do so use `@pytest.mark.django_db(transaction=True)`.
    """
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    with asyncio.Runner(debug=False) as runner:
        runner.run(_closing(pyfuncitem.obj(**arguments)))
    return True


async def _closing(test: Awaitable[None]) -> None:
    """The test, then the end of what it left on its loop: a failed one shall not make those after it fail."""
    from conversations.runner import runner

    try:
        await test
    finally:
        if any(task.get_loop() is asyncio.get_running_loop() for task in runner._loops):
            await runner.drain(1)
        await pool.aclose()
