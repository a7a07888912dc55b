"""A name for each request, in every log line it causes and in its response; and one line that says how it went."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

Application = Callable[[Any, Any, Any], Awaitable[None]]
SHAPE = re.compile(rb"[A-Za-z0-9._-]{1,64}")
QUIET = ("/health", "/static/", "/metrics")
log = structlog.get_logger("request")


def with_correlation(application: Application) -> Application:
    """`application`, its requests named by X-Request-ID (taken when it is well formed, else made)."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await application(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"")
        name = given if SHAPE.fullmatch(given) else uuid.uuid4().hex.encode()
        began, status = time.monotonic(), 0

        async def named(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message.get("headers", ()), (b"x-request-id", name)]}
            await send(message)

        with structlog.contextvars.bound_contextvars(correlation_id=name.decode()):
            await application(scope, receive, named if scope["type"] == "http" else send)
            if scope["type"] == "http" and not scope["path"].startswith(QUIET):
                took = round((time.monotonic() - began) * 1000)
                log.info("request", method=scope["method"], path=scope["path"], status=status, duration_ms=took)

    return serve
