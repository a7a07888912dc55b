"""Configuration kept in memory for a few seconds: a turn does not read it again, a change is soon in force."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from cachetools import TTLCache
from django.conf import settings

P = ParamSpec("P")
T = TypeVar("T")

_MISSING: Any = object()
_caches: list[TTLCache[Any, Any]] = []
_lock = threading.Lock()


def remembered(function: Callable[P, T]) -> Callable[P, T]:
    """`function`, asked at most every CONFIGURATION_SECONDS for the same arguments. It runs outside the lock."""
    return _remembering(function, settings.CONFIGURATION_SECONDS)


def remembered_for(seconds: float) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorator: the same for what may be that old."""
    return lambda function: _remembering(function, seconds)


def _remembering(function: Callable[P, T], seconds: float) -> Callable[P, T]:
    cache: TTLCache[Any, T] = TTLCache(maxsize=10_000, ttl=seconds)
    _caches.append(cache)

    @wraps(function)
    def look_up(*args: P.args, **kwargs: P.kwargs) -> T:
        key = (args, tuple(sorted(kwargs.items())))
        with _lock:
            kept = cache.get(key, _MISSING)  # asked once: between two questions it may run out
        if kept is not _MISSING:
            return cast(T, kept)
        value = function(*args, **kwargs)
        with _lock:
            cache[key] = value
        return value

    return look_up


def forget() -> None:
    """Read everything anew from now on, in this process."""
    with _lock:
        for cache in _caches:
            cache.clear()
