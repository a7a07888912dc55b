"""Who calls: an API key as `Authorization: Bearer …`. Cookies open nothing here."""

from __future__ import annotations

from typing import Any, cast

from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from bots.models import ApiKey


def key_of(header: str) -> ApiKey | None:
    """The live key of an Authorization header, or None."""
    scheme, _space, text = header.partition(" ")
    if scheme.lower() != "bearer" or not text or len(text) > 200 or not text.isascii() or "\0" in text:
        return None
    return ApiKey.objects.authenticate(text.strip())


def caller(request: Request) -> ApiKey:
    """The key of an authenticated request."""
    return cast(ApiKey, request.auth)


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
        return 'Bearer realm="api"'


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema tells of it."""

    target_class = ApiKeyAuthentication
    name = "ApiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


class HasScope(BasePermission):
    """The key has the scope that the view's `scopes` name for the method; `read` for looking, `chat` for the rest."""

    message = _("This API key lacks the scope for that.")

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, ApiKey):
            return False
        safe = request.method in ("GET", "HEAD", "OPTIONS")
        needed = getattr(view, "scopes", {}).get(request.method, "read" if safe else "chat")
        return needed in request.auth.scopes or (safe and "chat" in request.auth.scopes)
