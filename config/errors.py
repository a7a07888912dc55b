"""What no view answers: in the form of the door that was knocked at."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponseBase
from django.views import defaults

from config.theme import STAFF
from conversations.api.problems import problem_response
from conversations.openai_shapes import Fault


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """400, of a host name that is not ours, say."""
    return _told(request, 400, "bad_request", "This request cannot be read.") or defaults.bad_request(
        request, exception
    )


def not_allowed(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """404 on staff pages: what somebody has no right to is not there, as an address that nobody made; elsewhere 403."""
    if request.path.startswith(STAFF):
        return not_found(request, Http404())
    return _told(request, 403, "permission_denied", "That is not allowed.") or defaults.permission_denied(
        request, exception
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """404."""
    return _told(request, 404, "not_found", "There is no such address.") or defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """500; the trace is in the log."""
    return _told(request, 500, "server_error", "Something went wrong on our side.") or defaults.server_error(request)


def _told(request: HttpRequest, status: int, code: str, detail: str) -> HttpResponseBase | None:
    if request.path.startswith("/api/"):
        return problem_response(status, code, detail)
    if request.path.startswith("/v1/"):
        return Fault(status, code, detail).response()
    return None
