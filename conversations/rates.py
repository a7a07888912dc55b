"""How often: messages of a person and of an address, sends of a bot and to a chat. Counted in Redis, else here.

A limit is a moving window. While Redis is away each process counts for itself: limits are looser then, never gone.
"""

from __future__ import annotations

import hashlib
import math
import time
import uuid
from functools import cache
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import cache as shared
from limits import RateLimitItem, RateLimitItemPerMinute, parse
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis.exceptions import RedisError

from bots.models import ApiKey
from bots.silence import Silence
from channels_integrations.base import Capabilities
from conversations import metrics

log = structlog.get_logger(__name__)

_silence = Silence()
ADDRESS_FACTOR = 10  # people behind one address, as far as its limit goes
Ask = tuple[RateLimitItem, str]


def wait_to_say(*, channel_id: uuid.UUID, person: str, address: str = "", own: int = 0) -> float:
    """0 and one counted, or the seconds until this person, from this address, may say something again.

    `own`: the channel's own limit, where it is not 0.
    """
    most = own or settings.RATE_LIMIT_PER_MINUTE
    if not most:
        return 0.0
    asks: list[Ask] = [(RateLimitItemPerMinute(most), f"person:{channel_id}:{person}")]
    if address:
        asks.append((RateLimitItemPerMinute(most * ADDRESS_FACTOR), f"address:{address}"))
    return _wait(asks)


def wait_to_call(key: ApiKey) -> float:
    """0 and one counted, or the seconds until this key may be used again; a key without a limit of its own has none."""
    most = key.rate_limit_per_minute
    return _wait([(RateLimitItemPerMinute(most), f"key:{key.pk}")]) if most else 0.0


def wait_to_send(channel_id: uuid.UUID, chat_id: str, able: Capabilities, *, calls: int = 1) -> float:
    """0 and so many calls counted, or the seconds until this bot may send to this chat."""
    return _held(channel_id, able) or _wait(_sends(channel_id, chat_id, able), calls)


def hold_back(channel_id: uuid.UUID, able: Capabilities, seconds: float) -> None:
    """The platform asked for so much patience: nothing is sent meanwhile to any chat that it counts with this one."""
    if able.counted_as and seconds > 0:
        shared.set(_patience(channel_id, able), time.time() + seconds, math.ceil(seconds))


def wait_to_try(channel_id: uuid.UUID) -> float:
    """0, or the seconds until somebody may find out whether a channel with a fault takes messages again."""
    return _wait([(parse("2/minute"), f"try:{channel_id}")])


def may_show(channel_id: uuid.UUID, chat_id: str, able: Capabilities) -> bool:
    """Whether an unfinished answer may be shown in this chat: one call counted, and half of its budget left over."""
    asks = _sends(channel_id, chat_id, able)
    return not _held(channel_id, able) and not _wait(asks, 1, spare=_half(asks))


def may_draft(channel_id: uuid.UUID, able: Capabilities) -> bool:
    """The same of a draft, which platforms count as the bot's own call, and not as a message of the chat."""
    asks = _calls(channel_id, able)
    return not _held(channel_id, able) and not _wait(asks, 1, spare=_half(asks))


def _calls(channel_id: uuid.UUID, able: Capabilities) -> list[Ask]:
    return [(parse(able.account_rate), f"bot:{channel_id}")] if able.account_rate else []


def _sends(channel_id: uuid.UUID, chat_id: str, able: Capabilities) -> list[Ask]:
    asks = _calls(channel_id, able)
    if able.chat_rate:
        asks.append((parse(able.chat_rate), f"chat:{channel_id}:{able.counted_as or chat_id}"))
    return asks


def _half(asks: list[Ask]) -> int:
    """Calls that are left for answers: what is not finished may wait."""
    return max((item.amount // 2 for item, _name in asks), default=0)


def _held(channel_id: uuid.UUID, able: Capabilities) -> float:
    """Seconds of patience that are left; 0 where none was asked for, or nobody remembers."""
    until: Any = shared.get(_patience(channel_id, able)) if able.counted_as else None
    return max(0.0, until - time.time()) if isinstance(until, float) else 0.0


def _patience(channel_id: uuid.UUID, able: Capabilities) -> str:
    return f"patience:{channel_id}:{hashlib.sha256(able.counted_as.encode()).hexdigest()[:32]}"


def _wait(asks: list[Ask], calls: int = 1, *, spare: int = 0) -> float:
    if not asks:
        return 0.0
    if settings.REDIS_URL and not _silence.holds:
        try:
            return _ask(_shared(settings.REDIS_URL), asks, calls, spare)
        except (RedisError, OSError) as error:
            _silence.begin()
            log.warning("rates_counted_here", error=type(error).__name__)
    return _ask(_own(), asks, calls, spare)


def _ask(limiter: MovingWindowRateLimiter, asks: list[Ask], calls: int, spare: int) -> float:
    """Counts only when every one of them admits it, with `spare` more left."""
    for item, name in asks:
        if not limiter.test(item, name, cost=min(calls + min(spare, item.amount // 2), item.amount)):
            metrics.RATE_LIMITED.labels(name.partition(":")[0]).inc()
            return max(0.05, limiter.get_window_stats(item, name).reset_time - time.time())
    for item, name in asks:
        limiter.hit(item, name, cost=min(calls, item.amount))
    return 0.0


@cache
def _own() -> MovingWindowRateLimiter:
    return MovingWindowRateLimiter(MemoryStorage())


@cache
def _shared(url: str) -> MovingWindowRateLimiter:
    patience = {"socket_timeout": settings.REDIS_SECONDS, "socket_connect_timeout": settings.REDIS_SECONDS}
    return MovingWindowRateLimiter(RedisStorage(url, wrap_exceptions=False, **patience))  # type: ignore[arg-type]
