"""One client an account and event loop, so that sockets are reused and concurrency is bounded per process."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from bots.providers.base import Account, ModelClient, ProviderError, clients

_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, tuple[Account, ModelClient]]] = WeakKeyDictionary()


def client_for(account: Account) -> ModelClient:
    """The account's client on the running loop; a changed account gets a new one."""
    if account.kind not in clients:
        raise ProviderError("bad_request", f"no client speaks {account.kind!r}")
    mine = _clients.setdefault(asyncio.get_running_loop(), {})
    known = mine.get(account.id)
    if known is None or known[0] != account:
        mine[account.id] = (account, clients[account.kind](account))
    return mine[account.id][1]


async def aclose() -> None:
    """Close this loop's clients."""
    for _account, client in _clients.pop(asyncio.get_running_loop(), {}).values():
        await client.aclose()
