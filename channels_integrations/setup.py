"""All that is configured for one channel and its bot, as plain values remembered for a few seconds."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from bots.fields import Unreadable
from bots.models import Bot, BotPicture
from bots.remember import remembered
from channels_integrations import flags
from channels_integrations.base import Adapter, adapters
from channels_integrations.models import ChannelConfig, config_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A channel, its bot and its flags. `picture`: the version of the bot's, "" for none.

    `fault`: what staff have to mend before the platform takes anything. `paused`: who writes is told `pause_message`,
    or where that is "" a sentence of ours, and no model answers.
    """

    workspace_id: uuid.UUID
    channel_id: uuid.UUID
    channel_slug: str
    kind: str
    channel_model_id: uuid.UUID | None
    channel_prompt: str
    paused: bool
    pause_message: str
    fault: str
    bot_id: uuid.UUID
    bot_slug: str
    bot_name: str
    bot_model_id: uuid.UUID | None
    prompt: str
    prompt_version_id: uuid.UUID | None
    greeting: str
    suggestions: tuple[str, ...]
    picture: str
    tools: tuple[str, ...]
    parameters: Mapping[str, Any]
    max_output_tokens: int | None
    flags: Mapping[str, flags.Value]

    def tried(self, trial: Mapping[str, Any]) -> Setup:
        """The bot as a form says it, saved or not, on no channel's own terms. `trial`: name, prompt, model, tools, …"""
        return replace(
            self,
            bot_name=trial["name"],
            prompt=trial["prompt"],
            prompt_version_id=self.prompt_version_id if trial["prompt"] == self.prompt else None,
            bot_model_id=uuid.UUID(trial["model"]) if trial["model"] else None,
            tools=tuple(trial["tools"]),
            parameters=trial["parameters"],
            max_output_tokens=trial["max_output_tokens"],
            channel_model_id=None,
            channel_prompt="",
        )


@remembered
def setup_of(channel_id: uuid.UUID) -> Setup:
    """Everything about a channel, in use or not. Raises ChannelConfig.DoesNotExist."""
    return _setup(ChannelConfig.objects.select_related("bot__prompt_version").get(pk=channel_id))


def public_setup(slug: str, kind: str) -> Setup | None:
    """The channel people reach under this slug; None when there is none in use."""
    channel_id = _public(slug, kind)
    return setup_of(channel_id) if channel_id else None


@remembered
def _public(slug: str, kind: str) -> uuid.UUID | None:
    """Its id alone: a setup remembered in here too would be twice as old."""
    found: uuid.UUID | None = _in_use().filter(slug=slug, kind=kind).values_list("pk", flat=True).first()
    return found


class Misconfigured(Exception):
    """A channel whose settings its platform cannot work with; the text names the field, never a value."""


@remembered
def adapter_of(channel_id: uuid.UUID) -> Adapter:
    """The channel's driver. Raises Misconfigured."""
    return adapter_now(channel_id)


def adapter_now(channel_id: uuid.UUID) -> Adapter:
    """The same as the rows say at this moment, for who keeps it."""
    row = ChannelConfig.objects.get(pk=channel_id)
    if row.kind not in adapters:
        raise Misconfigured(f"no platform is called {row.kind!r}")
    try:
        return adapters[row.kind](config_of(row), row.account)
    except ValidationError as error:
        raise Misconfigured(_wrong(adapters[row.kind].Config, error)) from None
    except Unreadable as error:
        raise Misconfigured(str(error)) from None


def _wrong(config: type[BaseModel], error: ValidationError) -> str:
    """The first fault, at the box that staff know by its title."""
    first = error.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    field = config.model_fields.get(name)
    box = f"“{(field.title if field else None) or name}”"
    if first["type"] == "missing":
        return f"{box} is not filled in."
    return f"{box}: {first['msg'].removeprefix('Value error, ')}"


def has_twin(adapter: Adapter, besides: uuid.UUID | None = None) -> bool:
    """Whether another channel in use has this very account: of two that listen, each would answer."""
    if not adapter.identity():
        return False
    for row in _in_use().filter(kind=adapter.kind).exclude(pk=besides):
        try:
            if adapter_now(row.pk).identity() == adapter.identity():
                return True
        except Misconfigured:
            continue
    return False


@remembered
def channel_in_use(channel_id: uuid.UUID, kind: str) -> bool:
    """Whether there is such a channel, and it and its bot are in use."""
    return bool(_in_use().filter(pk=channel_id, kind=kind).exists())


def channel_for(bot: Bot, kind: str) -> uuid.UUID:
    """The bot's channel of a built-in kind (`api`, `terminal`), made at first use."""
    row = ChannelConfig.objects.filter(bot=bot, kind=kind).order_by("created_at").first()
    if row is None:
        row, _made = ChannelConfig.objects.get_or_create(
            slug=f"{kind}-{bot.pk}",
            defaults={"bot": bot, "workspace_id": bot.workspace_id, "kind": kind, "name": adapters[kind].label},
        )
    return cast(uuid.UUID, row.pk)


def _picture(bot: Bot) -> str:
    """The version of the bot's picture; "" where it has none."""
    changed = BotPicture.objects.filter(bot=bot).values_list("updated_at", flat=True).first()
    return f"{changed:%Y%m%d%H%M%S%f}" if changed else ""


def _in_use() -> Any:
    return ChannelConfig.objects.filter(is_active=True, archived_at=None, bot__is_active=True, bot__archived_at=None)


def _setup(row: ChannelConfig) -> Setup:
    bot = row.bot
    return Setup(
        workspace_id=row.workspace_id,
        channel_id=row.pk,
        channel_slug=row.slug,
        kind=row.kind,
        channel_model_id=row.default_model_id,
        channel_prompt=row.prompt,
        paused=row.is_paused,
        pause_message=row.pause_message,
        fault=row.fault,
        bot_id=bot.pk,
        bot_slug=bot.slug,
        bot_name=bot.name,
        bot_model_id=bot.model_id,
        prompt=bot.prompt,
        prompt_version_id=bot.prompt_version_id,
        greeting=bot.greeting,
        suggestions=tuple(str(text) for text in bot.suggestions),
        picture=_picture(bot),
        tools=tuple(bot.tools),
        parameters=bot.parameters,
        max_output_tokens=bot.max_output_tokens,
        flags=flags.values(row.workspace_id, row.pk),
    )
