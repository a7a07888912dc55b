"""The web chat's page: its words in the reader's language, its look, and who may frame it."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from channels_integrations.setup import Misconfigured, Setup, adapter_of
from conversations import notices
from conversations.draft import Frame
from conversations.models import Conversation

MODULES = tuple(f"webchat/{name}.js" for name in ("connection", "host", "transcript"))


def texts() -> dict[str, str]:
    """What the page's script says, by its own names; `%s` stands for a name."""
    return {
        "offline": _("No connection. Trying again…"),
        "typing": _("Answering…"),
        "personTyping": _("Somebody is typing…"),
        "tool": _("Using %s…"),
        "retry": _("Try again"),
        "copy": _("Copy"),
        "copied": _("Copied"),
        "older": _("Earlier messages"),
        "untitled": _("Untitled"),
        "none": _("There are no earlier conversations."),
        "ended": _("This conversation is over. Write to begin a new one."),
        "deleted": _("The conversation was deleted."),
        "waiting": _("A person will be with you soon."),
        "human": _("A person is answering."),
        "file": _("Pictures and files cannot be read here yet. Please write what it is about."),
    }


def context(setup: Setup, *, framed: bool) -> dict[str, Any]:
    """What the template shows."""
    look = _look(setup)
    return {
        "setup": setup,
        "framed": framed,
        "modules": MODULES,
        "accent": look.accent if look else "",
        "picture": picture(setup),
        "person": offers_person(setup),
        "sites_json": json.dumps(look.sites if look and framed else []),
        "texts_json": json.dumps(texts(), ensure_ascii=False),
    }


def picture(setup: Setup) -> str:
    """The address of the bot's picture, which changes with it; "" where there is none."""
    return f"{reverse('chat_picture', args=[setup.channel_slug])}?{setup.picture}" if setup.picture else ""


def offers_person(setup: Setup) -> bool:
    """Whether visitors find a button that calls a person of the team."""
    look = _look(setup)
    return bool(look and look.person_button)


def ancestors(setup: Setup) -> list[str]:
    """Whose pages may frame the chat: ours, and those that the channel names."""
    look = _look(setup)
    return ["'self'", *(look.sites if look else [])]


def _look(setup: Setup) -> Any:
    """The channel's settings; None when they are broken, which the admin says: the chat itself goes on."""
    try:
        return adapter_of(setup.channel_id).config
    except Misconfigured:
        return None


def break_of(setup: Setup) -> str | None:
    """What people are told while the channel is switched off; None while it is not."""
    return notices.paused(setup.pause_message) if setup.paused else None


def ready(setup: Setup, token: str | None, conversation: Conversation | None) -> Frame:
    """The `ready` frame: whom a socket belongs to, what it looks at, and the bot it talks to."""
    return {
        "type": "ready",
        "visitor": token,
        "conversation": str(conversation.pk) if conversation else None,
        "owner": conversation.owner if conversation else "bot",
        "ended": conversation is not None and conversation.ended_at is not None,
        "paused": break_of(setup),
        "bot": {
            "slug": setup.bot_slug,
            "name": setup.bot_name,
            "greeting": setup.greeting,
            "suggestions": list(setup.suggestions),
            "picture": picture(setup) or None,
            "demo": settings.DEFAULT_MODEL.startswith("demo/"),
        },
    }
