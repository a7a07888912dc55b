"""The bytes that we stored (see bodies.py) as events. Pure: no network, no SDK."""

from __future__ import annotations

import re
import uuid
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from channels_integrations.base import InboundEvent, IncomingMessage, Invoked, Pressed
from channels_integrations.platforms.discord.config import Config
from channels_integrations.platforms.discord.snowflakes import Snowflake, made_at

PRESS = "sb"  # what a button's id of ours begins with
USER = re.compile(r"<@!?([0-9]{1,20})>")
EMOJI = re.compile(r"<a?(:[A-Za-z0-9_]{1,40}:)[0-9]{1,20}>")
NONE_OR_ID = r"^([0-9]{1,19})?$"

Text = Annotated[str, Field(max_length=10_000)]
Name = Annotated[str, Field(max_length=200)]
Token = Annotated[str, Field(min_length=1, max_length=1_000, pattern=r"^[!-~]+$")]
OptionalId = Annotated[str, Field(pattern=NONE_OR_ID)]


class _Told(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class _User(_Told):
    id: Snowflake
    name: Name


class _Message(_Told):
    type: Literal["message"]
    id: Snowflake
    channel_id: Snowflake
    guild_id: OptionalId
    author: _User
    content: Text
    us: Snowflake
    our_role: OptionalId
    mentions: dict[str, Name]
    mentions_us: bool
    replies_to_us: bool
    reply_to: OptionalId
    attachments: list[Name]


class _Called(_Told):
    id: Snowflake
    token: Token
    application_id: Snowflake
    channel_id: Snowflake
    guild_id: OptionalId
    locale: Annotated[str, Field(max_length=20)]
    user: _User


class _Interaction(_Called):
    type: Literal["interaction"]
    command: Annotated[str, Field(min_length=1, max_length=32)]
    args: Text


class _Press(_Called):
    type: Literal["press"]
    custom_id: Annotated[str, Field(max_length=100)]
    message_id: OptionalId


class _Body(RootModel[_Message | _Interaction | _Press]):
    root: _Message | _Interaction | _Press = Field(discriminator="type")


def read(body: bytes, config: Config, *, account: str) -> list[InboundEvent]:
    """What the body tells. Raises ValueError for one that is none of ours."""
    try:
        told = _Body.model_validate_json(body).root
    except (ValidationError, RecursionError) as error:
        raise ValueError(_reason(error)) from None
    match told:
        case _Message():
            return _said(told, config, account)
        case _Interaction():
            return [_invoked(told)]
        case _Press():
            return _pressed(told)


def _reason(error: ValidationError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "the body is nested too deeply"
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _said(told: _Message, config: Config, account: str) -> list[InboundEvent]:
    in_guild = bool(told.guild_id)
    if (in_guild and config.in_channels == "never") or told.author.id == told.us:
        return []
    text = _without_us(told)
    prefixed = bool(config.prefix) and text.startswith(config.prefix)
    if prefixed:
        text = text[len(config.prefix) :].strip()
    spoken = _readable(text, told.mentions)
    return [
        IncomingMessage(
            event_id=told.id, chat_id=told.channel_id, sender_id=told.author.id, sender_name=told.author.name,
            sent_at=made_at(told.id), answer_to=told.id if in_guild else "",
            text=spoken if spoken or told.attachments else account, is_group=in_guild, reply_to=told.reply_to,
            addressed=not in_guild or prefixed or told.mentions_us or told.replies_to_us or config.in_channels == "all",
            attachments=tuple(told.attachments),
        )
    ]  # fmt: skip


def _without_us(told: _Message) -> str:
    """The text without the mention of ourselves: whom it is for is no part of what was said."""
    ours = [f"<@{told.us}>", f"<@!{told.us}>", *([f"<@&{told.our_role}>"] if told.our_role else [])]
    text = told.content
    for mention in ours:
        text = re.sub(rf"[ \t]*{re.escape(mention)}[ \t]*", " ", text)
    return text.strip()


def _readable(text: str, mentions: dict[str, str]) -> str:
    """Ids as the names that people saw."""
    text = USER.sub(lambda found: f"@{mentions[found[1]]}" if mentions.get(found[1]) else found[0], text)
    return EMOJI.sub(r"\1", text)


def _invoked(told: _Interaction) -> Invoked:
    made = made_at(told.id)
    return Invoked(
        event_id=told.id, chat_id=told.channel_id, sender_id=told.user.id, sender_name=told.user.name,
        language=told.locale.lower(), sent_at=made, command=told.command, args=told.args, token=told.token,
        is_group=bool(told.guild_id),
        answer_to=f"interaction:{told.application_id}:{told.token}:{int(made.timestamp())}",
    )  # fmt: skip


def _pressed(told: _Press) -> list[InboundEvent]:
    """Nothing for a button that is not ours. The answer is a message of its own: the buttons stay where they are."""
    mark, key, button = [*told.custom_id.split(":", 2), "", ""][:3]
    if mark != PRESS or not key or not button:
        return []
    return [
        Pressed(
            event_id=told.id, chat_id=told.channel_id, sender_id=told.user.id, sender_name=told.user.name,
            language=told.locale.lower(), sent_at=made_at(told.id), answer_to=told.message_id if told.guild_id else "",
            button=button, of=long_key(key), token=told.token, is_group=bool(told.guild_id),
        )
    ]  # fmt: skip


def short_key(key: str) -> str:
    """An idempotency key as it goes into a button's id: a UUID without its hyphens."""
    try:
        return uuid.UUID(key).hex
    except ValueError:
        return key


def long_key(key: str) -> str:
    """The idempotency key that `short_key` made short."""
    return str(uuid.UUID(key)) if re.fullmatch(r"[0-9a-f]{32}", key) else key
