"""Rows of this app: a bot's channels, feature flags, and raw events as they came in."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from bots.fields import EncryptedField, IdField
from bots.models import AIModel, ApiKey, Bot, Workspace
from bots.models.workspace import Actor, ScopedQuerySet
from channels_integrations import flags
from channels_integrations.base import adapters
from channels_integrations.flags import Value


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
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
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

    def clean(self) -> None:
        if self.bot_id and self.workspace_id and self.bot.workspace_id != self.workspace_id:
            raise ValidationError({"bot": _("This bot belongs to another workspace.")})


class FlagQuerySet(ScopedQuerySet):
    def put(
        self,
        name: str,
        value: Value | None,
        *,
        workspace_id: uuid.UUID,
        channel_id: uuid.UUID | None,
        who: Actor,
        replace: bool = True,
    ) -> bool:
        """Whether this changed a known flag's value there; None brings back what holds without one. It is noted.

        Raises IntegrityError where one is set that is not to be replaced.
        """
        place = {"workspace_id": workspace_id, "channel_id": channel_id, "name": name}
        with transaction.atomic():
            Workspace.objects.select_for_update().get(pk=workspace_id)  # one change at a time, also of new rows
            row: FeatureFlag | None = self.select_for_update(of=("self",)).filter(**place).first()
            if row is not None and not replace:
                raise IntegrityError(f"the flag {name!r} is set there")
            was = None if row is None else row.shown
            if was == value and type(was) is type(value):
                return False
            row = row or self.model(**place)
            FlagChange.objects.note(row, was=was, became=value, who=who)
            if value is None:
                row.delete()
            else:
                row.kind, row.value = flags.kind_of(value), flags.written(value)
                row.save()
        return True


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

    objects = FlagQuerySet.as_manager()

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
        return flags.read(self.kind, self.value)

    @property
    def shown(self) -> Value:
        """The value as its kind; as the text it is where it is none of it."""
        try:
            return self.typed
        except ValueError:
            return self.value


class FlagChangeQuerySet(ScopedQuerySet):
    def note(self, flag: FeatureFlag, *, was: Value | None, became: Value | None, who: Actor) -> None:
        """Write down who made which value another. None: it was not set here, or is not any more."""
        told = f"API key {who.name}" if isinstance(who, ApiKey) else who.get_username()
        self.create(
            workspace_id=flag.workspace_id,
            channel_id=flag.channel_id,
            name=flag.name,
            was=None if was is None else flags.written(was),
            became=None if became is None else flags.written(became),
            user=who if isinstance(who, AbstractBaseUser) else None,
            by=told[:200],
        )

    def last_of(self, workspace_id: uuid.UUID, name: str) -> FlagChange | None:
        """The last change of this flag there, on whatever channel."""
        rows = self.filter(workspace=workspace_id, name=name).select_related("channel")
        found: FlagChange | None = rows.order_by("-id").first()
        return found


class FlagChange(models.Model):
    """Who changed a flag, when, from what to what; programs by their key's name. Never changed.

    Beside Django's own log, which knows no programs, and forgets a row's past when the row goes.
    """

    id = IdField()
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    channel = models.ForeignKey(ChannelConfig, null=True, on_delete=models.CASCADE, related_name="+")
    name = models.SlugField(max_length=60, db_index=False)
    was = models.CharField(max_length=200, null=True)  # noqa: DJ001  a text may be empty, and is set all the same
    became = models.CharField(max_length=200, null=True)  # noqa: DJ001
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    by = models.CharField(max_length=200)
    at = models.DateTimeField(db_default=Now())

    objects = FlagChangeQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["workspace", "name", "-id"], name="flag_change_latest")]

    def __str__(self) -> str:
        return f"{self.name}: {self.was} → {self.became}"


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


def workspace_flags(workspace_id: uuid.UUID) -> Mapping[str, Value]:
    """Values set for the whole workspace."""
    return {row.name: row.shown for row in FeatureFlag.objects.filter(workspace=workspace_id, channel=None)}


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
        return f"{self.channel}: {self.state}"


def config_of(channel: ChannelConfig) -> Any:
    """The channel's settings and secrets, validated by its platform's Config. Raises pydantic.ValidationError."""
    secrets = json.loads(channel.credentials.reveal()) if channel.credentials else {}
    return adapters[channel.kind].Config.model_validate({**channel.config, **secrets})
