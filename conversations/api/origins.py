"""Which web pages may call the API: those whose origin the key in use names. Programs send no Origin and always may."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, cast
from urllib.parse import urlsplit

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.db import OperationalError
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from bots.models import ApiKey
from bots.remember import remembered
from bots.threads import in_thread
from conversations.api.authentication import key_of
from conversations.api.problems import problem_response
from conversations.openai_shapes import Fault

DOORS = ("/api/", "/v1/")
HEADERS = re.compile(r"[A-Za-z0-9-]+(, ?[A-Za-z0-9-]+){0,60}")
Handler = Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]
Verdict = tuple[HttpResponseBase | None, bool]  # an answer that needs no view; whether the page may read the answer


class Origins:
    """Cross-Origin Resource Sharing (https://fetch.spec.whatwg.org/#http-cors-protocol), by key."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if iscoroutinefunction(self.get_response):
            return self._answer(request)
        origin = foreign_origin(request)
        answer, readable = judge(request, origin) if origin else (None, False)
        answer = answer or cast(HttpResponseBase, self.get_response(request))
        return _marked(answer, origin if readable else "") if origin else answer

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        origin = foreign_origin(request)
        answer, readable = await in_thread(judge, request, origin) if origin else (None, False)
        answer = answer or await cast(Awaitable[HttpResponseBase], self.get_response(request))
        return _marked(answer, origin if readable else "") if origin else answer


def foreign_origin(request: HttpRequest) -> str:
    """The Origin of a page elsewhere that calls the API; "" for a program, a page of our own, or another address."""
    origin = request.headers.get("Origin", "")
    if not origin or not request.path.startswith(DOORS):
        return ""
    public = urlsplit(settings.PUBLIC_URL)
    ours = {f"{request.scheme}://{request.get_host()}", f"{public.scheme}://{public.netloc}"}
    return "" if origin in ours else origin


def judge(request: HttpRequest, origin: str) -> Verdict:
    """A preflight bears no key: it is answered for origins that any key names. The call itself must bear such a key."""
    try:
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            return (_preflight(request), True) if origin in named_origins() else (None, False)
        key = key_of(request.headers.get("Authorization", ""))
    except OperationalError:
        return None, False  # the view tells of it
    if key is None:
        return None, False
    return (None, True) if origin in key.allowed_origins else (_refusal(request, origin), False)


@remembered
def named_origins() -> frozenset[str]:
    """All origins that live keys name."""
    live = ApiKey.objects.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()), revoked_at=None)
    return frozenset(origin for named in live.values_list("allowed_origins", flat=True) for origin in named)


def _preflight(request: HttpRequest) -> HttpResponse:
    """Any header may be sent: what counts is the key, and OpenAI's clients bring a dozen of their own."""
    asked = request.headers.get("Access-Control-Request-Headers", "")
    told = {
        "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE",
        "Access-Control-Allow-Headers": asked if HEADERS.fullmatch(asked) else "authorization, content-type",
        "Access-Control-Max-Age": "600",
    }
    return HttpResponse(status=204, headers=told)


def _refusal(request: HttpRequest, origin: str) -> HttpResponse:
    reason = f"This key may not be used by pages of {origin[:200]!r}: name it among the key's allowed origins."
    if request.path.startswith("/v1/"):
        return Fault(403, "origin_not_allowed", reason).response()
    return problem_response(403, "origin_not_allowed", reason)


def _marked(response: Any, origin: str) -> HttpResponseBase:
    patch_vary_headers(response, ("Origin", "Authorization"))
    if origin:
        response["Access-Control-Allow-Origin"] = origin
        response["Access-Control-Expose-Headers"] = "Retry-After, X-Request-ID"
    return cast(HttpResponseBase, response)
