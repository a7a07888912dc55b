"""`Idempotency-Key`: the same key and body give the same answer and one turn; another body is refused."""

from __future__ import annotations

import hashlib
import re
import uuid

import orjson
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.request import Request

from conversations.api.authentication import caller

SHAPE = re.compile(r"[\x21-\x7e]{1,120}")


class OtherBody(APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = "This Idempotency-Key was used with another body."
    default_code = "idempotency_key_reused"


def event_id(request: Request) -> str:
    """The event's id: the caller's key under their own, or a new one. Raises ParseError for a malformed key."""
    given = request.headers.get("Idempotency-Key")
    if given is None:
        return f"{caller(request).pk}:{uuid.uuid4().hex}"
    if not SHAPE.fullmatch(given):
        raise ParseError("Idempotency-Key takes 1 to 120 printable ASCII characters.")
    return f"{caller(request).pk}:{given}"


def fingerprint(request: Request) -> str:
    """SHA-256 of where and what was posted."""
    body = orjson.dumps(request.data, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(request.path.encode() + b"\0" + body).hexdigest()
