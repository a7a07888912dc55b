"""Channels over REST: read, made, changed, archived."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from bots.models import Bot
from channels_integrations.base import adapters
from channels_integrations.models import ChannelConfig
from conversations.api import channel_settings, reach
from conversations.api.authentication import actor
from conversations.api.bots import model_called
from conversations.api.configuration import NAME, OneRow, Reference, RowList, Rows, RowSerializer


class ChannelSerializer(RowSerializer):
    """A channel. Of its secrets only the names are told; what `config` does not name stays, null takes it away.

    `is_paused`: who writes there is told `pause_message`, or if that is empty a sentence of ours, and no model answers.
    """

    fixed = ("kind",)

    id = serializers.UUIDField(read_only=True)
    workspace = serializers.UUIDField(source="workspace_id", read_only=True)
    bot = Reference("slug")
    kind = serializers.CharField(max_length=30)
    slug = serializers.SlugField(max_length=60)
    name = serializers.CharField(max_length=100)
    default_model = Reference("reference", allow_null=True, required=False)
    prompt = serializers.CharField(max_length=20_000, allow_blank=True, required=False, trim_whitespace=False)
    config = serializers.DictField(required=False)
    secrets = serializers.SerializerMethodField()
    is_active = serializers.BooleanField(required=False)
    is_paused = serializers.BooleanField(required=False)
    pause_message = serializers.CharField(max_length=1_000, allow_blank=True, required=False)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def get_secrets(self, channel: ChannelConfig) -> list[str]:
        return sorted(channel_settings.secrets_of(channel))

    def to_representation(self, instance: ChannelConfig) -> Any:
        return {**super().to_representation(instance), "config": channel_settings.shown(instance)}

    def validate_kind(self, kind: str) -> str:
        if kind not in adapters:
            raise ValidationError(f"There is no platform {kind!r}; there are: {', '.join(adapters)}.")
        return kind

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = attrs if self.instance is None else self.unchanged(attrs)
        if "bot" in attrs:
            attrs["bot"] = self._bot(attrs["bot"])
        if "is_paused" in attrs:
            attrs["paused_at"] = self._paused_at(attrs.pop("is_paused"))
        bot = attrs.get("bot") or self.instance.bot
        if attrs.get("default_model") is not None:
            attrs["default_model"] = model_called(attrs["default_model"], bot.workspace_id, field="default_model")
        if self.instance is None or "config" in attrs:
            channel = self.instance or ChannelConfig(kind=attrs["kind"])
            attrs |= channel_settings.changed(channel, attrs.get("config", {}))
        return attrs

    def create(self, validated_data: dict[str, Any]) -> ChannelConfig:
        channel: ChannelConfig = ChannelConfig.objects.create(
            workspace_id=validated_data["bot"].workspace_id, **validated_data
        )
        return channel

    def _paused_at(self, paused: bool) -> Any:
        """Since when: a channel that is switched off already stays so since then."""
        return ((self.instance and self.instance.paused_at) or timezone.now()) if paused else None

    def _bot(self, slug: str) -> Bot:
        """The bot of this slug that the caller may configure; a channel stays in its workspace."""
        rows = reach.bots_within(self.who).filter(slug=slug, workspace__in=reach.managed(self.who))
        found = list(rows.filter(workspace=self.instance.workspace_id) if self.instance else rows)
        if len(found) != 1:
            told = "Several of your workspaces have a bot" if found else "There is no bot"
            raise ValidationError({"bot": [f"{told} {slug[:60]!r}."]})
        return found[0]


class ChannelRows(Rows):
    rows = ChannelConfig
    serializer_class = ChannelSerializer

    def reached(self) -> Any:
        return reach.channels_within(actor(self.request)).select_related("bot", "default_model__provider")

    def named(self, name: str) -> dict[str, Any] | None:
        return {"slug": name}


class Channels(ChannelRows, RowList):
    """Channels of the caller's bots; POST makes one, its `config` checked by its platform."""


@extend_schema(parameters=[NAME])
class OneChannel(ChannelRows, OneRow):
    """A channel, by slug or id. DELETE archives it: nobody is answered there, and its slug stays taken."""
