"""A bot's channels."""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from bots.fields import EncryptedField, IdField
from bots.models import AIModel, Bot, Workspace
from bots.models.provider import Source
from bots.models.workspace import ScopedQuerySet
from channels_integrations.base import adapters


def platform_kinds() -> list[tuple[str, str]]:
    """The platforms there are; a callable, so that a new one needs no migration."""
    return [(kind, cls.label) for kind, cls in adapters.items()]


class ChannelConfig(models.Model):
    """One bot on one account of one platform, with the defaults that hold there."""

    id = IdField()
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="channels")
    bot = models.ForeignKey(Bot, on_delete=models.PROTECT, related_name="channels")
    kind = models.CharField(_("platform"), max_length=30, choices=platform_kinds)
    slug = models.SlugField(max_length=60, unique=True, help_text=_("Its part of the address: /chat/…/"))
    name = models.CharField(max_length=100)
    default_model = models.ForeignKey(
        AIModel, null=True, blank=True, on_delete=models.PROTECT, related_name="+", help_text=_("Empty: the bot's.")
    )
    prompt = models.TextField(blank=True, max_length=20_000, help_text=_("Added to the bot's prompt on this channel."))
    config = models.JSONField(default=dict, blank=True)
    credentials = EncryptedField(verbose_name=_("credentials"))
    is_active = models.BooleanField(
        _("in use"), default=True, help_text=_("Off: there is no such channel for anybody, as if it had been removed.")
    )
    paused_at = models.DateTimeField(_("switched off since"), null=True, blank=True, editable=False)
    pause_message = models.TextField(_("what people are told"), blank=True, max_length=1_000, default="", db_default="")
    account = models.CharField(_("account"), max_length=200, blank=True, editable=False, default="", db_default="")
    fault = models.CharField(_("what is wrong"), max_length=300, blank=True, editable=False, default="", db_default="")
    shards = models.PositiveSmallIntegerField(_("connections"), editable=False, default=1, db_default=1)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    source = models.CharField(
        max_length=20, choices=Source, default=Source.ADMIN, editable=False, db_default=Source.ADMIN
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("channel")

    def __str__(self) -> str:
        return self.name

    @property
    def is_paused(self) -> bool:
        """Whether who writes here is told so, and no model answers."""
        return self.paused_at is not None

    @property
    def is_from_environment(self) -> bool:
        """Whether it follows the environment at every start."""
        return self.source == Source.ENVIRONMENT

    def clean(self) -> None:
        if self.bot_id and self.workspace_id and self.bot.workspace_id != self.workspace_id:
            raise ValidationError({"bot": _("This bot belongs to another workspace.")})


def config_of(channel: ChannelConfig) -> Any:
    """The channel's settings and secrets, validated by its platform's Config. Raises pydantic.ValidationError."""
    secrets = json.loads(channel.credentials.reveal()) if channel.credentials else {}
    return adapters[channel.kind].Config.model_validate({**channel.config, **secrets})
