"""Pages for people: the landing, the full-page web chat, and the frame that other sites embed."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.cache import cache_control
from django.views.decorators.clickjacking import xframe_options_exempt

from bots.models import Bot, BotPicture
from channels_integrations.models import ChannelConfig
from channels_integrations.setup import Setup, public_setup
from conversations import chat_page as page
from conversations import languages, visitors

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
    response = _chat(request, _public(slug), framed=False)
    if visitors.visitor_of(request.COOKIES.get(visitors.COOKIE)) is None:
        response.set_cookie(
            visitors.COOKIE, visitors.new_token(), max_age=YEAR, httponly=True, samesite="Lax", secure=settings.SECURE
        )
    return response


@xframe_options_exempt
@cache_control(private=True, no_cache=True)
def chat_frame(request: HttpRequest, slug: str) -> HttpResponse:
    """The same without a cookie, for the pages that may frame it: their loader hands the visitor's token in."""
    setup = _public(slug)
    response = _chat(request, setup, framed=True)
    response._csp_replace = {"frame-ancestors": page.ancestors(setup)}  # type: ignore[attr-defined]
    return response


@cache_control(max_age=YEAR)  # its address changes with it
def chat_picture(request: HttpRequest, slug: str) -> HttpResponse:
    """The bot's picture."""
    found = BotPicture.objects.filter(bot=_public(slug).bot_id).first()
    if found is None:
        raise Http404("no picture")
    return HttpResponse(bytes(found.data), content_type=found.content_type)


def _public(slug: str) -> Setup:
    setup = public_setup(slug, "webchat")
    if setup is None:
        raise Http404(f"no chat {slug!r}")
    return setup


def _chat(request: HttpRequest, setup: Setup, *, framed: bool) -> HttpResponse:
    """In the language that the address asks for, else the browser's."""
    language = languages.known(request.GET.get("lang")) or translation.get_language()
    with translation.override(language):
        response = render(request, "chat.html", page.context(setup, framed=framed))
    response["Content-Language"] = language
    return response
