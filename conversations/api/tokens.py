"""Tokens for staff: name and password bring an access token for minutes and a refresh token that is good once.

What they are signed with and how long they last stands in the settings (SIMPLE_JWT).
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import BlacklistMixin, RefreshToken

from bots.models import Bot
from conversations.api.authentication import CHALLENGE, LONGEST_TOKEN
from conversations.api.reach import permission_to_see

REFUSED = "No staff account with these credentials."
USED = "This refresh token is forged, expired or was used already. Log in again."


class ByAddress(SimpleRateThrottle):
    """Tries from one address. Behind a proxy that we trust it is the person's own."""

    scope, rate = "token-address", "30/min"

    def get_cache_key(self, request: Request, view: Any) -> str:
        return f"throttle:{self.scope}:{request.META.get('REMOTE_ADDR', '')}"


class ByName(SimpleRateThrottle):
    """Tries of one account's password, wherever they come from."""

    scope, rate = "token-name", "10/min"

    def get_cache_key(self, request: Request, view: Any) -> str:
        name = str(request.data.get("username", "")).casefold()
        return f"throttle:{self.scope}:{hashlib.sha256(name.encode()).hexdigest()}"


class SingleUse(RefreshToken):
    """A refresh token. Its text is kept nowhere; of one that was used, the id is, until it would have ended."""

    @classmethod
    def for_user(cls, user: Any) -> SingleUse:
        return super(BlacklistMixin, cls).for_user(user)  # the mixin would keep the text

    def use(self) -> AbstractBaseUser:
        """Whose it is. Raises TokenError or AuthenticationFailed; the second of two uses at once is refused too."""
        user = JWTAuthentication().get_user(self)  # also: active, the password still the same
        OutstandingToken.objects.filter(expires_at__lt=timezone.now()).delete()
        known, _made = OutstandingToken.objects.get_or_create(
            jti=self["jti"],
            defaults={"user_id": user.pk, "expires_at": timezone.now() + self.lifetime},
        )
        _used, first = BlacklistedToken.objects.get_or_create(token=known)
        if not first:
            raise TokenError(USED)
        return user


class LoginSerializer(serializers.Serializer):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=128, trim_whitespace=False)


class RefreshSerializer(serializers.Serializer):
    refresh = serializers.CharField(max_length=LONGEST_TOKEN)


class PairSerializer(serializers.Serializer):
    """`access` goes as `Authorization: Bearer …`; `refresh` brings the next pair, once."""

    access = serializers.CharField()
    refresh = serializers.CharField()


class TokenView(APIView):
    """Open to whoever has the right words."""

    authentication_classes = ()
    permission_classes = ()

    def get_authenticate_header(self, request: Request) -> str:
        return CHALLENGE  # so that a refusal is 401


class Obtain(TokenView):
    """Log in as staff. Tries are counted by account and by address."""

    throttle_classes = [ByAddress, ByName]

    @extend_schema(request=LoginSerializer, responses=PairSerializer, auth=[])
    def post(self, request: Request) -> Response:
        asked = LoginSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        user = authenticate(request._request, **asked.validated_data)
        if user is None:
            raise AuthenticationFailed(REFUSED)
        return Response(pair(user))


class Refresh(TokenView):
    """The next pair for a refresh token, which is used up."""

    throttle_classes = [ByAddress]

    @extend_schema(request=RefreshSerializer, responses=PairSerializer, auth=[])
    def post(self, request: Request) -> Response:
        asked = RefreshSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        try:
            user = SingleUse(asked.validated_data["refresh"]).use()
        except (TokenError, AuthenticationFailed):
            raise AuthenticationFailed(USED) from None
        return Response(pair(user))


def pair(user: Any) -> dict[str, str]:
    """A new access and refresh token. Raises AuthenticationFailed for whom the admin would show no bot."""
    if not (user.is_active and user.is_staff and user.has_perm(permission_to_see(Bot))):
        raise AuthenticationFailed(REFUSED)
    refresh = SingleUse.for_user(user)
    return {"access": str(refresh.access_token), "refresh": str(refresh)}
