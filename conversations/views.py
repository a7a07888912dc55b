"""Pages for people: the landing and the full-page web chat."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control

from bots.models import Bot
from channels_integrations.models import ChannelConfig
from channels_integrations.setup import public_setup
from conversations import visitors

YEAR = 365 * 24 * 3600


def landing(request: HttpRequest) -> HttpResponse:
    """The bots that are in use, and where else to go."""
    chats = ChannelConfig.objects.filter(
        kind="webchat", is_active=True, archived_at=None, bot__is_active=True, bot__archived_at=None
    ).select_related("bot")
    return render(request, "landing.html", {"chats": chats[:50], "bots": Bot.objects.exists()})


@cache_control(private=True, no_cache=True)  # it sets a cookie: no proxy may hand it to the next
def chat_page(request: HttpRequest, slug: str) -> HttpResponse:
    """The chat of the channel with this slug; the visitor is a cookie that scripts cannot read."""
    setup = public_setup(slug, "webchat")
    if setup is None:
        raise Http404(f"no chat {slug!r}")
    response = render(request, "chat.html", {"setup": setup})
    if visitors.visitor_of(request.COOKIES.get(visitors.COOKIE)) is None:
        response.set_cookie(
            visitors.COOKIE, visitors.new_token(), max_age=YEAR, httponly=True, samesite="Lax", secure=settings.SECURE
        )
    return response
