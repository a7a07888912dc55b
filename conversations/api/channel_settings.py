"""A channel's `config` over REST: checked by its platform, secrets taken and never given back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, get_args

import pydantic
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from rest_framework.exceptions import ValidationError

from bots.fields import Unreadable
from channels_integrations.accounts import TOKENS
from channels_integrations.base import adapters
from channels_integrations.models import ChannelConfig
from channels_integrations.setup import has_twin


def asked_by(kind: str) -> Mapping[str, FieldInfo]:
    """What a platform asks for; nothing where there is no such platform any more."""
    return adapters[kind].Config.model_fields if kind in adapters else {}


def is_secret(info: FieldInfo) -> bool:
    """Whether a setting is sealed and never shown."""
    return SecretStr in (info.annotation, *get_args(info.annotation))


def shown(channel: ChannelConfig) -> dict[str, Any]:
    """The settings that are no secrets."""
    asked = asked_by(channel.kind)
    return {name: value for name, value in channel.config.items() if name in asked and not is_secret(asked[name])}


def secrets_of(channel: ChannelConfig) -> dict[str, Any]:
    """The stored secrets; none where no key opens them any more."""
    try:
        stored = json.loads(channel.credentials.reveal()) if channel.credentials else {}
    except Unreadable:
        return {}
    return {name: value for name, value in stored.items() if name in asked_by(channel.kind)}


def changed(channel: ChannelConfig, given: Mapping[str, Any]) -> dict[str, Any]:
    """`config` and `credentials` with what is given over what was; null takes a setting away. Raises ValidationError.

    A fault stands at the name of its setting and quotes no value.
    """
    if channel.kind not in adapters:
        raise ValidationError({"kind": [f"There is no platform {channel.kind!r} any more."]})
    asked = asked_by(channel.kind)
    unknown = [name for name in given if name not in asked]
    if unknown:
        raise _faults(dict.fromkeys(unknown[:20], "This platform has no such setting."))
    if channel.is_from_environment and (sealed_ones := [name for name in given if is_secret(asked[name])]):
        told = f"It comes from {TOKENS.get(channel.kind, 'the environment')} and follows it: change it there."
        raise _faults(dict.fromkeys(sealed_ones, told))
    merged = {**shown(channel), **secrets_of(channel), **given}
    kept = {name: value for name, value in merged.items() if value is not None}
    _check(channel, kept)
    sealed = {name: value for name, value in kept.items() if is_secret(asked[name])}
    return {
        "config": {name: value for name, value in kept.items() if name not in sealed},
        "credentials": json.dumps(sealed) if sealed else None,
    }


def _check(channel: ChannelConfig, settings: dict[str, Any]) -> None:
    try:
        config = adapters[channel.kind].Config.model_validate(settings)
        if has_twin(adapters[channel.kind](config), channel.pk):
            raise _faults({"non_field_errors": "Another channel uses this account, and both would answer."})
    except pydantic.ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise _faults({
            str(fault["loc"][0]) if fault["loc"] else "non_field_errors": fault["msg"].removeprefix("Value error, ")
            for fault in found
        }) from None  # fmt: skip
    except (AttributeError, TypeError):  # a platform's own check that expects what its form sends
        raise _faults(
            {"non_field_errors": "One of these values is of a type that this platform does not take."}
        ) from None


def _faults(told: Mapping[str, str]) -> ValidationError:
    return ValidationError({"config": {name[:60]: [text] for name, text in told.items()}})
