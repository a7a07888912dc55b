"""The session cache: who writes in a chat and which conversation is open, without asking the database.

A hash a chat: `session:<channel>:<chat>:<sender>`, sliding time to live. It may vanish at any moment and changes
nothing but speed: the rows are the truth.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import asdict, dataclass, fields
from typing import Any

from django.conf import settings
from django.core.cache import cache

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a turn needs to know of a chat. `version` is that of this shape: others are not read."""

    chat_user_id: uuid.UUID
    person_id: uuid.UUID
    conversation_id: uuid.UUID
    name: str = ""
    timezone: str = ""
    language: str = ""
    preferred_model_id: uuid.UUID | None = None
    version: int = VERSION


def get(channel_id: uuid.UUID, chat_id: str, sender_id: str) -> Session | None:
    """The session, kept for another SESSION_TTL_SECONDS; None on a miss, an outage or a foreign shape."""
    key = _key(channel_id, chat_id, sender_id)
    found: Any = cache.get(key)
    if not isinstance(found, dict) or found.get("version") != VERSION or set(found) != _NAMES:
        return None
    cache.touch(key, settings.SESSION_TTL_SECONDS)
    return Session(**found)


def put(channel_id: uuid.UUID, chat_id: str, sender_id: str, session: Session) -> None:
    """Keep it."""
    cache.set(_key(channel_id, chat_id, sender_id), asdict(session), settings.SESSION_TTL_SECONDS)


def drop(channel_id: uuid.UUID, chat_id: str, sender_id: str) -> None:
    """Forget it: the rows it stands for changed."""
    cache.delete(_key(channel_id, chat_id, sender_id))


def _key(channel_id: uuid.UUID, chat_id: str, sender_id: str) -> str:
    """Platforms' ids may be long and hold anything: their hash cannot poison another key."""
    digest = hashlib.sha256(f"{chat_id}\0{sender_id}".encode()).hexdigest()[:32]
    return f"session:{channel_id}:{digest}"


_NAMES = {field.name for field in fields(Session)}
