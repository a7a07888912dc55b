"""What Discord's refusals mean for us."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from channels_integrations.base import ChannelError, MessageGone

REFUSED = (
    "Discord refuses this channel's token. In the developer portal, open the application, then Bot, then Reset Token, "
    "and enter the new one here."
)
UNKNOWN_MESSAGE = 10008
UNKNOWN_CHANNEL = 10003
BAD_FORM = 50035
GONE_INTERACTION = {10015, 10062, 50027}  # unknown webhook, unknown interaction, invalid webhook token
ACKNOWLEDGED = 40060
LONGEST_WAIT = 3_600.0
BLIND_WAIT = 60.0  # where a proxy in front of Discord says no, and not for how long
ID = re.compile(r"/[0-9]{5,20}(?=/|$)")


class NotFormed(ChannelError):
    """Discord does not take the message in this form. `fields`: those it complains about."""

    def __init__(self, detail: str, fields: frozenset[str]) -> None:
        super().__init__(detail, permanent=True)
        self.fields = fields


class InteractionGone(ChannelError):
    """The interaction cannot be answered. `unknown`: perhaps not yet; else not any more."""

    def __init__(self, detail: str, *, unknown: bool) -> None:
        super().__init__(detail, permanent=True)
        self.unknown = unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that is no success."""

    status: int
    path: str
    body: Any
    headers: Mapping[str, str]

    @property
    def code(self) -> int:
        """Discord's own code; 0: it is not from Discord itself, or has none."""
        code = self.body.get("code") if isinstance(self.body, dict) else None
        return code if isinstance(code, int) else 0

    @property
    def wait(self) -> float:
        """Seconds that it asks for."""
        told = self.body.get("retry_after") if isinstance(self.body, dict) else None
        if told is None:
            told = self.headers.get("retry-after", "")
        try:
            return min(max(float(told), 0.0), LONGEST_WAIT)
        except (TypeError, ValueError):
            return BLIND_WAIT

    @property
    def everywhere(self) -> bool:
        """Whether the wait holds for all that this bot does."""
        return not isinstance(self.body, dict) or self.body.get("global") is True

    def error(self) -> ChannelError:
        """What it means for the caller."""
        detail = self._detail()
        if self.status == 429:
            return ChannelError(detail, permanent=False, retry_after=self.wait)
        if self.status >= 500:
            return ChannelError(detail, permanent=False, ambiguous=True)
        if self.code in GONE_INTERACTION or (self.status in (401, 404) and of_interaction(self.path)):
            return InteractionGone(detail, unknown=self.status == 404)
        if self.status == 401:
            return ChannelError(detail, permanent=False, fault=REFUSED)
        return self._meant(detail)

    def _meant(self, detail: str) -> ChannelError:
        """The other 4xx."""
        if self.status == 403 and not self.code:  # whoever stands before Discord refused us, not the channel
            return ChannelError(detail, permanent=False, retry_after=BLIND_WAIT)
        if self.code == UNKNOWN_MESSAGE:
            return MessageGone(detail)
        if self.status == 400 and self.code in (0, BAD_FORM):
            return NotFormed(detail, frozenset(self._errors()))
        blocked = self.status == 403 or self.code == UNKNOWN_CHANNEL
        return ChannelError(detail, permanent=True, blocked=blocked)

    def _errors(self) -> Mapping[str, Any]:
        errors = self.body.get("errors") if isinstance(self.body, dict) else None
        return errors if isinstance(errors, dict) else {}

    def _detail(self) -> str:
        said = self.body.get("message") if isinstance(self.body, dict) else None
        fields = ", ".join(sorted(self._errors()))
        told = f"Discord: {said}" if said else f"HTTP {self.status}"
        return f"{told} ({self.code or self.status}{': ' + fields if fields else ''})"


def of_interaction(path: str) -> bool:
    """Whether the address is an interaction's own, with its token in it."""
    return path.startswith(("/webhooks/", "/interactions/"))


def route(method: str, path: str) -> str:
    """What Discord counts together: calls of one kind in one channel. https://docs.discord.com/developers/topics/rate-limits"""
    if of_interaction(path):
        return f"{method} {'/'.join(path.split('/')[:4])}"
    kept = re.match(r"/(channels|guilds)/[0-9]+", path)
    head = kept[0] if kept else ""
    return f"{method} {head}{ID.sub('/*', path[len(head) :])}"
