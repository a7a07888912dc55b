"""`Idempotency-Key`: the same key and body give the same answer and one turn; another body is refused."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable

from django.core.cache import cache
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from conversations.api.authentication import actor

SHAPE = re.compile(r"[\x21-\x7e]{1,120}")
KEPT_SECONDS = 24 * 3600


class OtherBody(APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = "This Idempotency-Key was used with another body."
    default_code = "idempotency_key_reused"


def event_id(request: Request) -> str:
    """The event's id: the caller's key under their own, or a new one. Raises ParseError for a malformed key."""
    given = request.headers.get("Idempotency-Key")
    if given is None:
        return f"{actor(request).pk}:{uuid.uuid4().hex}"
    if not SHAPE.fullmatch(given):
        raise ParseError("Idempotency-Key takes 1 to 120 printable ASCII characters.")
    return f"{actor(request).pk}:{given}"


def fingerprint(request: Request) -> str:
    """SHA-256 of where and what was posted."""
    body = json.dumps(request.data, sort_keys=True)  # not orjson, which knows no whole numbers over 64 bits
    return hashlib.sha256(request.path.encode() + b"\0" + body.encode()).hexdigest()


def answered(request: Request, make: Callable[[], Response]) -> Response:
    """What `make` gives, or what it gave to this Idempotency-Key within a day. Raises OtherBody.

    For rows whose names are unique: the cache may lose what it keeps, then the repeat is told that the name is taken.
    """
    event = event_id(request)
    if "Idempotency-Key" not in request.headers:
        return make()
    place = f"idempotency:{hashlib.sha256(event.encode()).hexdigest()}"
    asked = fingerprint(request)
    kept = cache.get(place)
    if kept is None:
        response = make()
        cache.set(place, (asked, response.status_code, dict(response.data)), KEPT_SECONDS)
        return response
    if kept[0] != asked:
        raise OtherBody
    return Response(kept[2], status=kept[1])
