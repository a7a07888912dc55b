"""How things stand, in words that staff use."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from conversations.models import Conversation


def of_conversation(row: Conversation) -> str:
    """Who answers now. `assigned_to` is read."""
    if row.ended_at is not None:
        return _("over")
    if row.owner == Conversation.Owner.HUMAN:
        name = row.assigned_to.get_username() if row.assigned_to else _("somebody")
        return _("%(name)s answers") % {"name": name}
    return _("waits for a person") if row.owner == Conversation.Owner.WAITING else _("the bot answers")


def of_turn(state: str) -> str:
    words: dict[str, Any] = {
        "queued": _("waits to be answered"), "running": _("is being answered"), "waiting": _("waits"),
        "done": _("answered"), "stopped": _("stopped"), "failed": _("failed"), "dead": _("given up"),
    }  # fmt: skip
    return str(words.get(state, state))


def of_delivery(state: str) -> str:
    words: dict[str, Any] = {
        "new": _("to be sent"), "sending": _("is being sent"), "sent": _("sent"), "failed": _("not delivered"),
        "expired": _("too late to send"), "unknown": _("perhaps delivered"),
    }  # fmt: skip
    return str(words.get(state, state))


def of_event(state: str) -> str:
    words: dict[str, Any] = {"new": _("to be read"), "done": _("read"), "dead": _("given up")}
    return str(words.get(state, state))


def of_tool(state: str) -> str:
    words: dict[str, Any] = {
        "started": _("began"), "done": _("done"), "failed": _("failed"), "unknown": _("outcome unknown"),
    }  # fmt: skip
    return str(words.get(state, state))


def of_level(level: str) -> str:
    """Which setting chose the model."""
    words: dict[str, Any] = {
        "conversation": _("chosen in this conversation"), "person": _("the person's choice"),
        "channel": _("the channel's"), "bot": _("the bot's"), "default": _("the installation's default"),
    }  # fmt: skip
    return str(words.get(level, level))
