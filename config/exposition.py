"""Where metrics are read: `/metrics`, and a port of their own for processes that have no other."""

from __future__ import annotations

import asyncio
import ipaddress

from django.conf import settings
from django.core.management.base import CommandError
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest, start_http_server

PROXIED = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")


async def metrics(request: HttpRequest) -> HttpResponse:
    """For who knows METRICS_TOKEN; where none is set, for this very machine."""
    refused = refuse(request)
    if refused is not None:
        return refused
    told = await asyncio.to_thread(generate_latest)  # on a thread that no busy database has taken
    return HttpResponse(told, content_type=CONTENT_TYPE_LATEST)


def refuse(request: HttpRequest) -> HttpResponse | None:
    """The 401 or 403 for who may not read them, else None."""
    if settings.METRICS_TOKEN:
        scheme, _space, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and constant_time_compare(given.strip(), settings.METRICS_TOKEN):
            return None
        answer = HttpResponse("Send METRICS_TOKEN as a bearer token.\n", status=401, content_type="text/plain")
        answer["WWW-Authenticate"] = "Bearer"
        return answer
    if _is_here(request.META.get("REMOTE_ADDR", "")) and not any(name in request.headers for name in PROXIED):
        return None
    told = "Metrics are told to this machine alone. To read them from elsewhere set METRICS_TOKEN or METRICS_PORT.\n"
    return HttpResponse(told, status=403, content_type="text/plain")


def open_port() -> None:
    """Tell metrics at METRICS_HOST and METRICS_PORT too, when that is set. Raises CommandError."""
    if not settings.METRICS_PORT:
        return
    try:
        start_http_server(settings.METRICS_PORT, addr=settings.METRICS_HOST)
    except OSError:
        where = f"{settings.METRICS_HOST}:{settings.METRICS_PORT}"
        raise CommandError(f"Cannot tell metrics at {where}: give each process a METRICS_PORT of its own.") from None


def _is_here(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback
