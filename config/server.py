"""The server of `manage.py serve`: uvicorn, whose turns drain from the signal on, not from the last closed socket."""

from __future__ import annotations

import asyncio
import socket

import uvicorn
from django.conf import settings

from conversations.runner import runner


class Server(uvicorn.Server):
    """Serves the application until a signal; then takes nothing new and is gone within DRAIN_SECONDS."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        draining = asyncio.create_task(runner.drain(settings.DRAIN_SECONDS))
        await super().shutdown(sockets)
        await draining


def server(host: str, port: int) -> Server:
    """Websockets are closed with 1012 at the signal, and their clients come back elsewhere; requests may finish."""
    return Server(
        uvicorn.Config(
            "config.asgi:application",
            host=host,
            port=port,
            ws="websockets-sansio",
            ws_max_size=1024 * 1024,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=round(settings.DRAIN_SECONDS),
            lifespan="on",
            access_log=False,
            log_config=None,
            proxy_headers=bool(settings.TRUSTED_PROXIES),
            forwarded_allow_ips=settings.TRUSTED_PROXIES or None,
        )
    )
