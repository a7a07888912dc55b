"""The application's beginning and end: rows from the environment, the runner, and a drain at SIGTERM.

Embedded, it listens to platforms too: there is no other process that could.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings

from bots import environment, threads
from bots.threads import in_thread
from config import collector
from conversations import listeners
from conversations.gateway import Gateway
from conversations.runner import runner

Application = Callable[[Any, Any, Any], Awaitable[None]]


def with_lifespan(application: Application) -> Application:
    """`application`, with ASGI's lifespan answered. A server that sends none starts the work at its first request."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        await runner.start()
        await application(scope, receive, send)

    return serve


async def _live(receive: Any, send: Any) -> None:
    gateway = Gateway(listeners.kinds())
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await in_thread(environment.sync)
            await runner.start()
            if settings.EMBEDDED:
                await gateway.start()
            collector.settle()
            await send({"type": "lifespan.startup.complete"})
        else:
            await gateway.stop()
            await runner.drain(settings.DRAIN_SECONDS)
            threads.shutdown()
            await send({"type": "lifespan.shutdown.complete"})
            return
