"""One client an account and event loop, so that sockets are reused, and its places: calls at once, per process."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from bots.places import Places
from bots.providers.base import Account, ModelClient, ProviderError, clients


@dataclass(frozen=True, slots=True)
class _Pooled:
    account: Account
    client: ModelClient
    places: Places


_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Pooled]] = WeakKeyDictionary()


def client_for(account: Account) -> ModelClient:
    """The account's client on the running loop; a changed account gets a new one."""
    return _pooled(account).client


def places_for(account: Account) -> Places:
    """Where a call waits before it begins: as many as the account may be asked at once. A changed one gets new ones."""
    return _pooled(account).places


def _pooled(account: Account) -> _Pooled:
    mine = _clients.setdefault(asyncio.get_running_loop(), {})
    known = mine.get(account.id)
    if known is None or known.account != account:
        if account.kind not in clients:
            raise ProviderError("bad_request", f"no client speaks {account.kind!r}")
        known = _Pooled(account, clients[account.kind](account), Places(max(1, account.max_concurrency)))
        mine[account.id] = known
    return known


async def aclose() -> None:
    """Close this loop's clients."""
    for pooled in _clients.pop(asyncio.get_running_loop(), {}).values():
        await pooled.client.aclose()
