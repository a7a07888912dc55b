"""Rows of this app, split by noun."""

from channels_integrations.models.channel import ChannelConfig, config_of, platform_kinds
from channels_integrations.models.event import RawEvent, RawEventQuerySet
from channels_integrations.models.flag import (
    FeatureFlag,
    FlagChange,
    FlagChangeQuerySet,
    FlagQuerySet,
    stored_flags,
    workspace_flags,
)
from channels_integrations.models.gateway import Gateway, Listener

__all__ = [
    "ChannelConfig", "FeatureFlag", "FlagChange", "FlagChangeQuerySet", "FlagQuerySet", "Gateway", "Listener",
    "RawEvent", "RawEventQuerySet", "config_of", "platform_kinds", "stored_flags", "workspace_flags",
]  # fmt: skip
