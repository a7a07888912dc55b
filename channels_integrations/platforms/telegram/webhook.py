"""How Telegram proves that a call is its own: a secret that it sends along, derived from the token and so never stored.

https://core.telegram.org/bots/api#setwebhook
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from channels_integrations.base import BadSignature

HEADER = "x-telegram-bot-api-secret-token"
LABEL = b"switchboard: telegram webhook"


def secret_of(token: str) -> str:
    """64 letters that whoever does not know the token cannot know."""
    return hmac.digest(token.encode(), LABEL, hashlib.sha256).hex()


def check(token: str, headers: Mapping[str, str]) -> None:
    """Raises BadSignature unless the secret is the one that was set; nothing else, ever."""
    given = headers.get(HEADER, "").encode("utf-8", "surrogatepass")
    if not hmac.compare_digest(given, secret_of(token).encode()):
        raise BadSignature("the secret is missing or wrong")
