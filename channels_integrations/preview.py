"""An answer as each platform would show it, for who writes a bot's prompt."""

from __future__ import annotations

from typing import Any

from channels_integrations.base import SendingAdapter, adapters
from channels_integrations.rendering.shown import shown

MOST = 20_000  # characters that are looked at


def previews(text: str) -> list[dict[str, Any]]:
    """`{"label", "parts"}` of each platform that is sent messages; `parts` are HTML, one a message."""
    found: list[dict[str, Any]] = []
    for cls in adapters.values():
        if issubclass(cls, SendingAdapter):
            parts = cls(cls.Config.model_construct()).parts(text[:MOST])
            found.append(
                {"label": str(cls.label), "parts": [shown(part.stripped()) for part in parts if part.text.strip()]}
            )
    return found
