"""What no request may bring in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from config.theme import STAFF
from conversations.api.problems import problem_response

Handler = Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]


class Guard:
    """Answers 400 to a NUL in path or query, which no store takes, before anything else sees it."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        refused = refuse(request)
        if iscoroutinefunction(self.get_response):
            return self._answer(request, refused)
        return refused or cast(HttpResponseBase, self.get_response(request))

    async def _answer(self, request: HttpRequest, refused: HttpResponse | None) -> HttpResponseBase:
        return refused or await cast(Awaitable[HttpResponseBase], self.get_response(request))


def refuse(request: HttpRequest) -> HttpResponse | None:
    """The 400 for a request with a NUL in its address, else None."""
    if "\0" not in request.path and "%00" not in request.META.get("QUERY_STRING", ""):
        return None
    reason = "A NUL character cannot stand in an address."
    if request.path.startswith("/api/"):
        return problem_response(400, "invalid_address", reason)
    return HttpResponse(reason, status=400, content_type="text/plain")


THEMES_POLICY = {  # its framework evaluates expressions and sets styles; nowhere else is that allowed
    "script-src": ["'self'", "'unsafe-eval'"],
    "style-src": ["'self'", "'unsafe-inline'"],
}


class Policy(CSPMiddleware):
    """The Content-Security-Policy: strict, but for what the admin theme needs on staff pages."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if not report_only and request.path.startswith(STAFF):
            parts.replace = {**THEMES_POLICY, **(parts.replace or {})}
        return parts
