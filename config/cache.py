"""A cache that may vanish: when Redis is away, every read is a miss and every write is dropped."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property
from typing import Any

import structlog
from django.conf import settings
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import RedisError

from bots.silence import Silence

log = structlog.get_logger(__name__)


class DisposableRedisCache(RedisCache):
    """Django's Redis cache whose outage costs speed only. Nothing that lives here may be the only copy."""

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        patience = {"socket_timeout": settings.REDIS_SECONDS, "socket_connect_timeout": settings.REDIS_SECONDS}
        params.setdefault("OPTIONS", {}).update(patience)
        super().__init__(server, params)
        self._address, self._with = str(server), params["OPTIONS"]

    @cached_property
    def _cache(self) -> RedisCacheClient:
        """The process's own: Django makes a cache anew in each context, and each task of the engine has one."""
        return _client(self._address, **self._with)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        return _asked(lambda: super(DisposableRedisCache, self).get(key, default, version), default)

    def set(self, key: str, value: Any, timeout: Any = 300, version: int | None = None) -> None:
        _asked(lambda: super(DisposableRedisCache, self).set(key, value, timeout, version), None)

    def touch(self, key: str, timeout: Any = 300, version: int | None = None) -> bool:
        return bool(_asked(lambda: super(DisposableRedisCache, self).touch(key, timeout, version), False))

    def delete(self, key: str, version: int | None = None) -> bool:
        return bool(_asked(lambda: super(DisposableRedisCache, self).delete(key, version), False))


@cache
def _client(address: str, **options: Any) -> RedisCacheClient:
    return RedisCacheClient([address], **options)


silence = Silence()


def _asked(work: Callable[[], Any], instead: Any) -> Any:
    """What Redis says; `instead` while it is away, without waiting for it each time."""
    if silence.holds:
        return instead
    try:
        return work()
    except (RedisError, OSError) as error:
        silence.begin()
        log.warning("cache_away", error=type(error).__name__)
        return instead
