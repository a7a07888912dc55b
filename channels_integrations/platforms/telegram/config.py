"""What staff fill in for a Telegram channel."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{3,100}", re.ASCII)


def _usable(token: SecretStr) -> SecretStr:
    bare = SecretStr(token.get_secret_value().strip())
    if not TOKEN.fullmatch(bare.get_secret_value()):
        raise ValueError(
            "a token is digits, a colon and letters, as in 123456:AbC-dEf; copy it from @BotFather's message"
        )
    return bare


class Config(BaseModel):
    """A bot, and how it behaves."""

    model_config = ConfigDict(extra="forbid")

    token: Annotated[SecretStr, AfterValidator(_usable)] = Field(
        title="Token", description="What @BotFather sends when a bot is made, as in 123456:AbC-dEf."
    )
    updates: Literal["auto", "webhook", "polling"] = Field(
        default="auto",
        title="How messages come in",
        description="That Telegram calls us needs a public https address (PUBLIC_URL). Asking works everywhere.",
        json_schema_extra={
            "choices": {
                "auto": "Automatic: calls where possible",
                "webhook": "Telegram calls us (webhook)",
                "polling": "We ask Telegram (polling)",
            }
        },
    )
    in_groups: Literal["addressed", "all", "never"] = Field(
        default="addressed",
        title="In groups",
        description=(
            "A message is meant for the bot that mentions it, replies to it, calls a command or begins with the prefix "
            "below."
        ),
        json_schema_extra={
            "choices": {
                "addressed": "Answer what is meant for the bot",
                "all": "Answer everything it sees",
                "never": "Stay silent",
            }
        },
    )
    prefix: str = Field(
        default="",
        max_length=30,
        title="Prefix in groups",
        description="A message in a group that begins with it is meant for the bot, such as “hal,”. Empty: none.",
    )
    resend: Literal["once", "never"] = Field(
        default="once",
        title="When it is unknown whether an answer arrived",
        description="In private chats; in groups it is never sent twice.",
        json_schema_extra={
            "choices": {
                "once": "Send it once more; it may double",
                "never": "Leave it for a person to look at",
            }
        },
    )
