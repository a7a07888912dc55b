"""A server on loopback in a thread and an event loop of its own, so that it answers whatever the test waits for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Self

from aiohttp import web

ROUNDS = 0.01  # seconds


class Loopback:
    """`with Server() as server:` then `server.origin`. Subclasses say what they serve in `routes()`."""

    largest = 64 * 1024 * 1024

    def __init__(self) -> None:
        self.origin = ""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def routes(self) -> Sequence[web.RouteDef]:
        """Addresses and what answers there."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        app = web.Application(client_max_size=self.largest)
        app.add_routes(self.routes())
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        self._loop.run_until_complete(runner.setup())
        self._loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0).start())
        self.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(_end(runner))
        self._loop.close()


async def _end(runner: web.AppRunner) -> None:
    """With rounds of the loop for who was accepted last, and for what is to be closed: that happens a round later."""
    await runner.cleanup()
    await asyncio.sleep(ROUNDS)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await asyncio.sleep(ROUNDS)
