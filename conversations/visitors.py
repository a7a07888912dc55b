"""Who an anonymous visitor is: a random id that only we can have signed. In a cookie on our page, else in `hello`."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

from django.core.signing import BadSignature, Signer

COOKIE = "switchboard_visitor"
_signer = Signer(salt="switchboard.visitor")
_ID = re.compile(r"[0-9a-f]{32}")


def new_token() -> str:
    """A new visitor's token: 128 random bits, signed."""
    return _signer.sign(secrets.token_hex(16))


def visitor_of(token: object) -> str | None:
    """The visitor's id, or None for anything we did not sign."""
    if not isinstance(token, str) or len(token) > 200 or not token.isascii():
        return None
    try:
        visitor = _signer.unsign(token)
    except BadSignature:
        return None
    return visitor if _ID.fullmatch(visitor) else None


def cookie_in(headers: Mapping[bytes, bytes]) -> str | None:
    """The token that a browser's cookie brings, checked or not."""
    try:
        found = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1")).get(COOKIE)
    except CookieError:
        return None
    return found.value if found else None
