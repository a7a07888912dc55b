"""What Telegram's refusals mean: https://core.telegram.org/bots/api#making-requests, and its servers' own words."""

from __future__ import annotations

from datetime import timedelta

import httpx
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    RetryAfter,
    TelegramError,
)

from channels_integrations.base import ChannelError

REFUSED = "Telegram refuses this channel's token (%s). Copy it from @BotFather again: /mybots, API Token."
UNSENT = (
    httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)  # fmt: skip
CLOSED = (  # nothing of ours is taken in this chat any more
    "chat not found", "user is deactivated", "user not found", "upgraded to a supergroup", "group chat was d",
    "chat_write_forbidden", "chat_restricted", "peer_id_invalid", "not enough rights to send",
    "have no rights to send", "need administrator rights", "message thread not found", "topic_deleted",
)  # fmt: skip


def refusal(error: TelegramError, token: str) -> ChannelError:
    """The error as the engine understands it, without the token."""
    said = str(error).replace(token, "***")
    if isinstance(error, RetryAfter):
        return ChannelError(said, permanent=False, retry_after=_seconds(error.retry_after))
    if isinstance(error.__cause__, TelegramError):  # a proxy's page, say
        return ChannelError("the answer is not Telegram's", permanent=False, ambiguous=True)
    if isinstance(error, InvalidToken):
        return ChannelError(said, permanent=False, fault=REFUSED % said)
    if isinstance(error, Forbidden | ChatMigrated):
        return ChannelError(said, permanent=True, blocked=True)
    if isinstance(error, BadRequest):
        return ChannelError(said, permanent=True, blocked=says(said, CLOSED))
    if isinstance(error, Conflict):
        return ChannelError(said, permanent=False)
    return ChannelError(said, permanent=False, ambiguous=_may_be_taken(error))


def says(text: str, words: tuple[str, ...]) -> bool:
    """Whether one of these stands in a refusal's text."""
    return any(word in text.lower() for word in words)


def _may_be_taken(error: TelegramError) -> bool:
    """Whether the request may have gone out before it failed."""
    if says(str(error), ("too many requests", "pool timeout")):
        return False
    return error.__cause__ is not None and not isinstance(
        error.__cause__, UNSENT
    )  # without one it is Telegram's own no


def _seconds(wait: int | timedelta) -> float:
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)
