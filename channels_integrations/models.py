"""Rows of this app: a bot's channels, feature flags, and raw events as they came in."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from bots.fields import EncryptedField, IdField
from bots.models import AIModel, Bot, Workspace
from bots.models.workspace import ScopedQuerySet
from channels_integrations.base import adapters
from channels_integrations.flags import KNOWN, Value


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
    is_active = models.BooleanField(_("in use"), default=True)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("channel")

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if self.bot_id and self.workspace_id and self.bot.workspace_id != self.workspace_id:
            raise ValidationError({"bot": _("This bot belongs to another workspace.")})


class FeatureFlag(models.Model):
    """A flag's set value: for a workspace, or over that for one channel. Known flags stand in `flags.py`."""

    class Kind(models.TextChoices):
        BOOL = "bool", _("on or off")
        INT = "int", _("number")
        TEXT = "text", _("text")

    id = IdField()
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="flags")
    channel = models.ForeignKey(ChannelConfig, null=True, blank=True, on_delete=models.CASCADE, related_name="flags",
                                help_text=_("Empty: all channels of the workspace."))  # fmt: skip
    name = models.SlugField(max_length=60)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.BOOL)
    value = models.CharField(max_length=200, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "name"], name="one_flag_a_channel"),
            models.UniqueConstraint(
                fields=["workspace", "name"], condition=Q(channel=None), name="one_flag_a_workspace"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} = {self.value}"

    @property
    def typed(self) -> Value:
        """The value as its kind. Raises ValueError when it is none of that kind."""
        if self.kind == self.Kind.INT:
            return int(self.value)
        if self.kind == self.Kind.BOOL:
            if self.value.lower() not in {"true", "false", "on", "off"}:
                raise ValueError("on or off")
            return self.value.lower() in {"true", "on"}
        return self.value

    def clean(self) -> None:
        try:
            value = self.typed
        except ValueError:
            raise ValidationError({"value": _("This is not of the kind chosen above (on/off, or a number).")}) from None
        known = KNOWN.get(self.name)
        if known is not None and type(known.default) is not type(value):
            raise ValidationError(
                {"kind": _("This flag has another kind: its default is %(value)r.") % {"value": known.default}}
            )


def stored_flags(workspace_id: uuid.UUID, channel_id: uuid.UUID) -> Mapping[str, Value]:
    """Set values, the channel's own over the workspace's; unreadable ones are passed over."""
    rows = FeatureFlag.objects.filter(Q(channel=None) | Q(channel=channel_id), workspace=workspace_id)
    found: dict[str, Value] = {}
    for row in sorted(rows, key=lambda row: row.channel_id is not None):
        try:
            found[row.name] = row.typed
        except ValueError:
            continue
    return found


class RawEventQuerySet(ScopedQuerySet):
    workspace_path = "channel__workspace"


class RawEvent(models.Model):
    """A webhook's body as it came, stored before it is acknowledged. A repeat has the same SHA-256."""

    class State(models.TextChoices):
        NEW = "new"
        DONE = "done"
        DEAD = "dead"

    id = IdField()
    channel = models.ForeignKey(ChannelConfig, on_delete=models.PROTECT, related_name="+", db_index=False)
    sha256 = models.CharField(max_length=64)
    body = models.BinaryField()
    headers = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State, default=State.NEW)
    attempts = models.PositiveSmallIntegerField(default=0)
    reason = models.CharField(max_length=300, blank=True)
    run_after = models.DateTimeField(db_default=Now())
    received_at = models.DateTimeField(db_default=Now())

    objects = RawEventQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "sha256"], name="raw_event_once")]
        indexes = [
            models.Index(fields=["run_after"], name="raw_event_unread", condition=Q(state="new")),
            models.Index(fields=["channel", "received_at", "id"], name="raw_event_order", condition=Q(state="new")),
        ]

    def __str__(self) -> str:
        return f"{self.channel_id} {self.sha256[:12]}"


def config_of(channel: ChannelConfig) -> Any:
    """The channel's settings and secrets, validated by its platform's Config. Raises pydantic.ValidationError."""
    secrets = json.loads(channel.credentials.reveal()) if channel.credentials else {}
    return adapters[channel.kind].Config.model_validate({**channel.config, **secrets})
