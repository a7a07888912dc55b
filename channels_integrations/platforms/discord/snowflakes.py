"""Discord's ids: numbers that grow with time and say when they were made.

https://docs.discord.com/developers/reference#snowflakes
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field

EPOCH = datetime(2015, 1, 1, tzinfo=UTC)

Snowflake = Annotated[str, Field(pattern=r"^[0-9]{1,19}$")]


def shard_of(guild_id: str, shards: int) -> int:
    """Which of so many shards hears what is said in this server; the first for direct messages, which are in none.

    https://docs.discord.com/developers/events/gateway#sharding
    """
    return (int(guild_id) >> 22) % shards if guild_id.isdecimal() else 0


def made_at(snowflake: str) -> datetime:
    """When this id was made, by Discord's clock."""
    return EPOCH + timedelta(milliseconds=int(snowflake) >> 22)
