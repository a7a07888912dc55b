"""A cache that may vanish: when Redis is away, every read is a miss and every write is dropped."""

from __future__ import annotations

from typing import Any

import structlog
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)


class DisposableRedisCache(RedisCache):
    """Django's Redis cache whose outage costs speed only. Nothing that lives here may be the only copy."""

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        params.setdefault("OPTIONS", {}).update(socket_timeout=0.5, socket_connect_timeout=0.5)
        super().__init__(server, params)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        try:
            return super().get(key, default, version)
        except (RedisError, OSError) as error:
            return _away(error, default)

    def set(self, key: str, value: Any, timeout: Any = 300, version: int | None = None) -> None:
        try:
            super().set(key, value, timeout, version)
        except (RedisError, OSError) as error:
            _away(error, None)

    def touch(self, key: str, timeout: Any = 300, version: int | None = None) -> bool:
        try:
            return super().touch(key, timeout, version)
        except (RedisError, OSError) as error:
            return bool(_away(error, False))

    def delete(self, key: str, version: int | None = None) -> bool:
        try:
            return super().delete(key, version)
        except (RedisError, OSError) as error:
            return bool(_away(error, False))


def _away(error: Exception, instead: Any) -> Any:
    log.warning("cache_away", error=type(error).__name__)
    return instead
