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
    match exception:
        case OperationalError():
            return problem(503, "unavailable", "The database cannot be reached right now."), {"Retry-After": "5"}
        case RequestDataTooBig():
            return _of_drf(TooLarge()), {}
        case Http404():
            return problem(404, "not_found", "There is no such thing."), {}
        case PermissionDenied():
            return problem(403, "permission_denied", "That is not allowed."), {}
        case exceptions.APIException():
            return _of_drf(exception), _headers(exception)
    return None, {}


def _of_drf(exception: exceptions.APIException) -> dict[str, Any]:
    if isinstance(exception, exceptions.ValidationError):
        return problem(exception.status_code, "invalid", "Some fields are not right.", errors=exception.detail)
    more = getattr(exception, "extra", {})
    return problem(exception.status_code, exception.default_code, str(exception.detail), **more)


def _headers(exception: exceptions.APIException) -> dict[str, str]:
    wait, challenge = getattr(exception, "wait", None), getattr(exception, "auth_header", None)
    found = {"Retry-After": str(round(wait))} if wait else {}
    return found | ({"WWW-Authenticate": challenge} if challenge else {})
