"""Bots over REST: read, made, changed, archived."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import F
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from bots.models import AIModel, Bot
from bots.tools.base import tools
from conversations.api import reach
from conversations.api.authentication import actor
from conversations.api.configuration import NAME, READ, OneRow, Reference, RowList, Rows, RowSerializer


class BriefBotSerializer(serializers.ModelSerializer):
    """What whoever may talk to a bot may know of it."""

    class Meta:
        model = Bot
        fields = ("slug", "name", "description", "greeting", "suggestions")


class BotSerializer(RowSerializer):
    """A bot. Another prompt than before becomes its next version."""

    id = serializers.UUIDField(read_only=True)
    workspace = serializers.UUIDField(source="workspace_id", required=False)
    slug = serializers.SlugField(max_length=60)
    name = serializers.CharField(max_length=100)
    description = serializers.CharField(max_length=300, allow_blank=True, required=False)
    prompt = serializers.CharField(max_length=50_000, allow_blank=True, required=False, trim_whitespace=False)
    prompt_version = serializers.IntegerField(source="prompt_version.number", read_only=True, allow_null=True)
    model = Reference("reference", allow_null=True, required=False)
    tools = serializers.ListField(child=serializers.CharField(max_length=64), max_length=100, required=False)
    greeting = serializers.CharField(max_length=500, allow_blank=True, required=False)
    suggestions = serializers.ListField(child=serializers.CharField(max_length=200), max_length=20, required=False)
    parameters = serializers.DictField(required=False)
    max_output_tokens = serializers.IntegerField(min_value=16, max_value=1_000_000, allow_null=True, required=False)
    is_active = serializers.BooleanField(required=False)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def validate_tools(self, names: list[str]) -> list[str]:
        unknown = [name for name in names if name not in tools]
        if unknown:
            raise ValidationError(f"There is no tool {unknown[0]!r}; there are: {', '.join(tools)}.")
        return list(dict.fromkeys(names))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if self.instance is None:
            attrs["workspace_id"] = reach.workspace_for(self.who, attrs.get("workspace_id"))
        workspace = attrs.get("workspace_id") or self.instance.workspace_id
        attrs = attrs if self.instance is None else self.unchanged(attrs)
        if attrs.get("model") is not None:
            attrs["model"] = model_called(attrs["model"], workspace, field="model")
        return attrs

    def create(self, validated_data: dict[str, Any]) -> Bot:
        prompt = validated_data.pop("prompt", None)
        bot = Bot.objects.create(**validated_data)
        return self._prompted(bot, prompt)

    def update(self, instance: Bot, validated_data: dict[str, Any]) -> Bot:
        prompt = validated_data.pop("prompt", None)
        return self._prompted(super().update(instance, validated_data), prompt)

    def _prompted(self, bot: Bot, prompt: str | None) -> Bot:
        if prompt is not None:
            bot.write_prompt(prompt, author=self.who if isinstance(self.who, AbstractBaseUser) else None)
        return bot


def model_called(reference: str, workspace_id: uuid.UUID, *, field: str) -> AIModel:
    """The workspace's model in use of this reference, its own before a shared one. Raises ValidationError."""
    slug, _slash, name = reference.partition("/")
    rows = AIModel.objects.for_workspace(workspace_id).filter(
        provider__slug=slug, name=name, is_active=True, archived_at=None,
        provider__is_active=True, provider__archived_at=None,
    )  # fmt: skip
    found: AIModel | None = rows.order_by(F("provider__workspace").asc(nulls_last=True)).first()
    if found is None:
        raise ValidationError({field: [f"No model in use is called {reference!r}; it is <provider>/<model>."]})
    return found


class BotRows(Rows):
    rows = Bot
    serializer_class = BotSerializer
    brief = BriefBotSerializer
    scopes = {**Rows.scopes, "GET": READ | {"chat"}}

    def reached(self) -> Any:
        found = reach.bots_within(actor(self.request)).select_related("model__provider", "prompt_version")
        return found if self.manages else found.filter(is_active=True)

    def named(self, name: str) -> dict[str, Any] | None:
        return {"slug": name}


class Bots(BotRows, RowList):
    """Bots this caller may use; who may manage sees those switched off too. POST makes one."""

    def _made(self) -> Any:
        reach.check_unlimited(actor(self.request))
        return super()._made()


@extend_schema(parameters=[NAME])
class OneBot(BotRows, OneRow):
    """A bot, by slug or id. DELETE archives it: it answers no more, and its slug stays taken."""
