"""Who calls: an API key or a staff user's token, as `Authorization: Bearer …`. Cookies open nothing here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django.db.models import Model
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken

from bots.models import ApiKey
from conversations.api import reach

CHALLENGE = 'Bearer realm="api"'
LONGEST_TOKEN = 2_000


def bearer(header: str) -> str:
    """What an Authorization header bears; "" for another scheme or nothing."""
    scheme, _space, text = header.partition(" ")
    return text.strip() if scheme.lower() == "bearer" and text.isascii() and "\0" not in text else ""


def key_of(header: str) -> ApiKey | None:
    """The live key of an Authorization header, or None."""
    text = bearer(header)
    return ApiKey.objects.authenticate(text) if text and len(text) <= 200 else None


def caller(request: Request) -> ApiKey:
    """The key of a request to a view that only keys may use."""
    return cast(ApiKey, request.user)


def actor(request: Request) -> reach.Caller:
    """The key or the staff user of an authenticated request."""
    return cast(reach.Caller, request.user)


class StaffTokenAuthentication(JWTAuthentication):
    """`request.user` is the staff user, `request.auth` the access token. Whatever is no token is left to the next."""

    def authenticate(self, request: Request) -> Any:
        text = bearer(request.headers.get("Authorization", ""))
        if text.count(".") != 2:  # a key has one
            return None
        try:
            if len(text) > LONGEST_TOKEN:
                raise InvalidToken
            token = self.get_validated_token(text.encode())
            return self.get_user(token), token
        except AuthenticationFailed:  # InvalidToken is one
            raise AuthenticationFailed(_("This token is forged, expired or revoked. Get another.")) from None

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class ApiKeyAuthentication(BaseAuthentication):
    """`request.user` and `request.auth` are the key."""

    def authenticate(self, request: Request) -> tuple[ApiKey, ApiKey] | None:
        header = request.headers.get("Authorization", "")
        if not header:
            return None
        key = key_of(header)
        if key is None:
            raise AuthenticationFailed(_("This API key is unknown, revoked or expired."))
        return key, key

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema tells of it."""

    target_class = ApiKeyAuthentication
    name = "ApiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class StaffTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema tells of it."""

    target_class = StaffTokenAuthentication
    name = "StaffToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


def scopes_of(who: Any, rows: type[Model] | None) -> frozenset[str]:
    """A key's scopes. A staff user reads the rows that the admin shows them, and manages as an administrator."""
    if isinstance(who, ApiKey):
        return frozenset(who.scopes)
    if rows is None or not getattr(who, "is_staff", False):
        return frozenset()
    found = {"read"} if who.has_perm(reach.permission_to_see(rows)) else set()
    return frozenset(found | {"manage"} if reach.managed(who).exists() else found)


class HasScope(BasePermission):
    """The caller has one of the scopes that the view's `scopes` name for the method.

    Without such names: `read` or `chat` for looking, `chat` for the rest. A view that staff tokens open says in `rows`
    whose permission counts.
    """

    message = _("This API key lacks the scope for that.")

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.auth:
            return False
        method = "GET" if request.method in SAFE_METHODS else request.method
        told: Mapping[str, frozenset[str]] = getattr(view, "scopes", {})
        enough = told.get(method or "", frozenset({"read", "chat"} if method == "GET" else {"chat"}))
        return bool(enough & scopes_of(request.user, getattr(view, "rows", None)))
