"""JSON bodies: bounded, and free of what no store takes. Whatever is wrong with one is a 4xx."""

from __future__ import annotations

import json
import math
from typing import Any

from django.core.exceptions import RequestDataTooBig
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser

LONGEST_BODY = 1024 * 1024


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"A body may have {LONGEST_BODY:,} bytes."
    default_code = "too_large"


def read_json(body: bytes) -> dict[str, Any]:
    """The object of a JSON body. Raises ValueError with a sentence for people."""
    try:
        found = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise ValueError("The body is no UTF-8.") from None
    except RecursionError:
        raise ValueError("The body is nested too deeply.") from None
    except ValueError as error:
        raise ValueError(f"The body is no JSON: {error}"[:200]) from None
    if not isinstance(found, dict):
        raise ValueError("The body must be a JSON object.")
    _check(found, 0)
    return found


class CarefulJSONParser(JSONParser):
    """DRF's parser with our borders."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            body = stream.read(LONGEST_BODY + 1)
        except RequestDataTooBig:
            raise TooLarge from None
        if len(body) > LONGEST_BODY:
            raise TooLarge
        try:
            return read_json(body)
        except ValueError as error:
            raise ParseError(str(error)) from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _check(value: Any, depth: int) -> None:
    if depth > 64:
        raise ValueError("The body is nested too deeply.")
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for inner in value:
            _check(inner, depth + 1)
        return
    if isinstance(value, str) and ("\0" in value or any("\ud800" <= char <= "\udfff" for char in value)):
        raise ValueError("A text in the body has characters that cannot be stored.")
    if isinstance(value, float) and not math.isfinite(value):  # 1e999
        raise ValueError("A number in the body is too large.")
