"""What staff fill in for a Discord channel."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr


def bot_id(token: str) -> str:
    """The id of the bot whose token this is: the token's first part says it. Raises ValueError."""
    parts = token.strip().split(".")
    try:
        said = base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        said = ""
    if len(parts) != 3 or not all(parts) or not said.isdecimal():
        raise ValueError(
            "this is no bot token: it has three parts with dots between them. In the developer portal, open the "
            "application, then Bot, then Reset Token"
        )
    return said


def _usable(token: SecretStr) -> SecretStr:
    bot_id(token.get_secret_value())
    return SecretStr(token.get_secret_value().strip())


class Config(BaseModel):
    """What staff fill in."""

    model_config = ConfigDict(extra="forbid")

    token: Annotated[SecretStr, AfterValidator(_usable)] = Field(
        title="Bot token",
        description="From https://discord.com/developers/applications: your application, Bot, Reset Token.",
    )
    in_channels: Literal["addressed", "all", "never"] = Field(
        default="addressed",
        title="In a server's channels",
        description=(
            "A message is meant for the bot that mentions it, replies to it or begins with the prefix below. Direct "
            "messages and slash commands are always answered."
        ),
        json_schema_extra={
            "choices": {
                "addressed": "Answer what is meant for the bot",
                "all": "Answer every message that it can read",
                "never": "Stay silent",
            }
        },
    )
    prefix: str = Field(
        default="",
        max_length=20,
        title="Prefix",
        description="In channels, a message that begins with this is for the bot, such as “!ask”. Empty: none.",
    )
