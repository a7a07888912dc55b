"""What a person is told when there is no answer: one plain sentence a reason."""

from __future__ import annotations

from django.utils.translation import gettext as _

from bots.providers.base import ErrorCode


def for_error(code: ErrorCode | str) -> str:
    """The sentence for a provider's failure."""
    match code:
        case "rate_limited":
            return _("I am answering many people right now. Please try again in a minute.")
        case "timeout":
            return _("The answer took too long, so I stopped waiting. Please try again.")
        case "context_too_long":
            return _("This is too long for me to read at once. Please send less, or start anew with /new.")
        case "content_filter":
            return _("I cannot answer that.")
        case "bad_key" | "unknown_model" | "bad_request" | "refused":
            return _("I am not set up correctly, so I cannot answer. The people who run me can see why.")
        case "empty":
            return _("I found no answer to that. Please put it another way.")
        case _:
            return _("I cannot reach the model that answers for me. Please try again in a moment.")


def bug() -> str:
    """Something of ours broke."""
    return _("Something went wrong on our side. Please try again.")


def gave_up() -> str:
    """The turn was tried as often as it may be."""
    return _("I could not process this message. Please put it another way.")


def unread(why: str) -> str:
    """A message that the model is not shown."""
    if why == "too_long":
        return _("This message is too long for me. Please send at most 8,000 characters.")
    if why == "too_often":
        return _("You are writing faster than I may answer. Please wait a minute.")
    if why == "blocked":
        return _("I may not answer you here. What you write is kept, and the people who run me can read it.")
    return _("I can only read text so far. Please write to me.")


def paused(told: str) -> str:
    """The channel is switched off for a while. `told`: what staff wrote, "" for a sentence of ours."""
    return told.strip() or _("We are taking a short break here. Your message is kept; please write again later.")


def busy() -> str:
    """More people write than can be answered at once."""
    return _("Many people are writing to me right now. Your message is kept, and I will answer it as soon as I can.")


def shortened() -> str:
    """Added to an answer that reached its limit."""
    return _("(shortened)")


def stopped_empty() -> str:
    """Stopped before anything was said."""
    return _("(stopped)")
