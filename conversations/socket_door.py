"""Who is let in to a websocket, and how others are refused."""

from __future__ import annotations

from typing import Any

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings


class Door(AsyncWebsocketConsumer):
    """A socket that can be refused before its handshake with a status of HTTP, and that always tidies up.

    It has no name of its own in the channel layer, which would cost a subscription at Redis each: `fanout.py` has one.
    """

    channel_layer_alias = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """As Channels has it; but where a lost line ends it with an exception, it does not call `disconnect`."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.gone()

    async def dispatch(self, message: Any) -> None:
        """As Channels has it, without a visit to Django's thread before each frame: our database work has its own."""
        await getattr(self, get_handler_name(message))(message)

    def gone(self) -> None:
        """The socket is over, however it ended."""

    async def deny(self, status: int) -> None:
        """With this status where the server can say it, else 403."""
        if "websocket.http.response" not in (self.scope.get("extensions") or {}):
            await self.close()
            return
        send: Any = self.base_send  # typed without this extension
        await send({"type": "websocket.http.response.start", "status": status, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b""})


class NoSuchAddress(Door):
    """Any other address."""

    async def connect(self) -> None:
        await self.deny(404)


def origin_allowed(scope: Any) -> bool:
    """Our own pages, named origins, and programs, which send none. Compared whole: scheme, host and port."""
    headers = dict(scope["headers"])
    origin = headers.get(b"origin")
    if origin is None:
        return True
    scheme = "https" if scope.get("scheme") == "wss" or settings.SECURE else "http"
    host = headers.get(b"host", b"").decode("latin-1")
    own = {f"{scheme}://{host}"} if host else set()
    return origin.decode("latin-1") in own | set(settings.CSRF_TRUSTED_ORIGINS)
