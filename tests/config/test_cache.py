"""The shared cache: connections belong to the process, not to whoever asks."""

import asyncio
import contextvars
import uuid

import pytest
import redis
from django.conf import settings
from django.core.cache import cache

from bots.threads import in_thread

pytestmark = pytest.mark.skipif(not settings.REDIS_URL, reason="the cache is this process's own memory")


def asked(key: str, number: int) -> asyncio.Task[int]:
    """In a context of its own, as each task of the engine has one."""
    return asyncio.create_task(in_thread(lambda: cache.get(key, number)), context=contextvars.Context())


async def test_many_tasks_ask_over_a_few_connections() -> None:
    key = uuid.uuid4().hex
    with redis.Redis.from_url(settings.REDIS_URL) as judge:
        before = judge.info()["total_connections_received"]
        for _ in range(5):
            assert await asyncio.gather(*(asked(key, number) for number in range(20))) == list(range(20))
        assert judge.info()["total_connections_received"] - before <= settings.DB_THREADS
