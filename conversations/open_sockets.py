"""Open websockets of visitors in this process, counted by address."""

from __future__ import annotations

from collections import Counter

from django.conf import settings

from conversations import metrics

by_address: Counter[str] = Counter()
metrics.SOCKETS.labels("chat").set_function(lambda: sum(list(by_address.values())))


def came(address: str) -> None:
    """One more."""
    by_address[address] += 1


def went(address: str) -> None:
    """One less."""
    by_address[address] -= 1
    if not by_address[address]:
        del by_address[address]


def too_many(address: str) -> bool:
    """Whether the last one was beyond SOCKETS_PER_ADDRESS."""
    return bool(0 < settings.SOCKETS_PER_ADDRESS < by_address[address])
