"""Discord's objects as its API shows them, and its ids."""

from __future__ import annotations

import base64
import itertools
import time
from dataclasses import dataclass, field
from typing import Any

EPOCH_MS = 1_420_070_400_000
READS_MESSAGES = 1 << 19
TEXT, DM, THREAD = 0, 1, 11  # channel types

_count = itertools.count(1)


def snowflake(at: float | None = None) -> str:
    """A new id, made now or at this Unix time."""
    millis = int((time.time() if at is None else at) * 1_000) - EPOCH_MS
    return str(millis << 22 | next(_count) & 0x3FFFFF)


def shard_of(guild_id: str | None, shards: int) -> int:
    """Which of so many connections is told of what happens in the server; the first of what happens in none."""
    return (int(guild_id) >> 22) % shards if str(guild_id or "").isdecimal() else 0  # type: ignore[arg-type]


def guild_id_on(shard: int, shards: int) -> str:
    """A new server's id, of which this one of so many is told."""
    now = time.time()
    return next(found for after in range(shards) if shard_of(found := snowflake(now + after / 1_000), shards) == shard)


@dataclass(slots=True)
class Bot:
    """A bot's account and its application, which has the same id."""

    name: str
    id: str = field(default_factory=snowflake)
    role: str = field(default_factory=snowflake)
    flags: int = READS_MESSAGES
    endpoint: str | None = None
    sessions_left: int = 1_000
    shards: int = 1  # that it wants; with fewer it refuses
    at_once: int = 1  # sessions that may be begun together
    revoked: bool = False
    commands: list[dict[str, Any]] = field(default_factory=list)
    token: str = ""

    def __post_init__(self) -> None:
        self.token = f"{base64.urlsafe_b64encode(self.id.encode()).decode().rstrip('=')}.made.up"

    @property
    def user(self) -> dict[str, Any]:
        return user(self.id, self.name, username=self.name, bot=True, discriminator="1234")

    @property
    def application(self) -> dict[str, Any]:
        return {
            "id": self.id, "name": self.name, "description": "", "icon": None, "flags": self.flags, "bot_public": True,
            "bot_require_code_grant": False, "verify_key": "", "summary": "", "hook": True, "owner": user("7", "owner"),
            "interactions_endpoint_url": self.endpoint,
        }  # fmt: skip


def user(user_id: str, name: str, **more: Any) -> dict[str, Any]:
    """A person, or a bot."""
    return {
        "id": user_id, "username": name.lower(), "global_name": name, "discriminator": "0", "avatar": None,
        "public_flags": 0, **more,
    }  # fmt: skip


def message(channel_id: str, author: dict[str, Any], content: str, **more: Any) -> dict[str, Any]:
    """A message as both the gateway and REST show it."""
    return {
        "id": snowflake(), "channel_id": channel_id, "author": author, "content": content, "type": 0,
        "timestamp": "2026-01-01T00:00:00+00:00", "edited_timestamp": None, "tts": False, "mention_everyone": False,
        "mentions": [], "mention_roles": [], "attachments": [], "embeds": [], "pinned": False, "flags": 0,
        "components": [], **more,
    }  # fmt: skip


def channel(channel_id: str, guild_id: str, kind: int = TEXT) -> dict[str, Any]:
    """A channel of a server."""
    return {
        "id": channel_id, "guild_id": guild_id, "type": kind, "name": "general", "position": 0, "topic": None,
        "permission_overwrites": [], "nsfw": False, "parent_id": None, "last_message_id": None,
        "rate_limit_per_user": 0, "flags": 0,
    }  # fmt: skip


def guild(guild_id: str, channels: list[dict[str, Any]], bots: list[Bot]) -> dict[str, Any]:
    """A server, as GUILD_CREATE tells of it: every bot in it has its role."""
    everyone = {"id": guild_id, "name": "@everyone", "tags": {}}
    own = [{"id": bot.role, "name": bot.name, "tags": {"bot_id": bot.id}} for bot in bots]
    base = {"color": 0, "hoist": False, "position": 0, "permissions": "0", "managed": True, "mentionable": False}
    return {
        "id": guild_id, "name": "Guild", "owner_id": "7", "unavailable": False, "large": False, "member_count": 3,
        "roles": [{**base, "flags": 0, **role} for role in (everyone, *own)], "emojis": [], "stickers": [],
        "features": [], "members": [], "channels": [{**c, "guild_id": None} for c in channels if c["type"] == TEXT],
        "threads": [], "voice_states": [], "presences": [], "stage_instances": [], "guild_scheduled_events": [],
        "soundboard_sounds": [], "verification_level": 0, "default_message_notifications": 0, "mfa_level": 0,
        "explicit_content_filter": 0, "nsfw_level": 0, "premium_tier": 0, "system_channel_flags": 0,
        "preferred_locale": "en-US", "afk_timeout": 60, "joined_at": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip
