"""Errors as RFC 9457 problem details."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from conversations.api.parsers import TooLarge

TYPE = "application/problem+json"


def problem(status: int, code: str, detail: str, **more: Any) -> dict[str, Any]:
    """The body of a problem. `code` is for programs, `detail` for people."""
    return {
        "type": "about:blank",
        "title": code.replace("_", " "),
        "status": status,
        "code": code,
        "detail": detail,
    } | {key: value for key, value in more.items() if value is not None}


def as_problem(exception: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler. None for what is no answer to a client: a fault of ours, which becomes a 500."""
    set_rollback()
    body, headers = _body(exception)
    if body is None:
        return None
    response = Response(body, status=body["status"], headers=headers)
    response.content_type = TYPE
    return response


def problem_response(status: int, code: str, detail: str, **more: Any) -> JsonResponse:
    """The same outside DRF."""
    return JsonResponse(problem(status, code, detail, **more), status=status, content_type=TYPE)


def _body(exception: Exception) -> tuple[dict[str, Any] | None, dict[str, str]]:
    if isinstance(exception, OperationalError):
        return problem(503, "unavailable", "The database cannot be reached right now."), {"Retry-After": "5"}
    if isinstance(exception, RequestDataTooBig):
        exception = TooLarge()
    if isinstance(exception, Http404):
        return problem(404, "not_found", "There is no such thing."), {}
    if isinstance(exception, PermissionDenied):
        return problem(403, "permission_denied", "That is not allowed."), {}
    if not isinstance(exception, exceptions.APIException):
        return None, {}
    headers = {}
    if getattr(exception, "auth_header", None):
        headers["WWW-Authenticate"] = exception.auth_header
    if getattr(exception, "wait", None):
        headers["Retry-After"] = str(round(exception.wait))
    if isinstance(exception, exceptions.ValidationError):
        errors = exception.detail
        return problem(exception.status_code, "invalid", "Some fields are not right.", errors=errors), headers
    code = getattr(exception, "default_code", "error")
    more = getattr(exception, "extra", {})
    return problem(exception.status_code, code, str(exception.detail), **more), headers
