"""Feature flags that are set, and who set them when."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from bots.fields import IdField
from bots.models import ApiKey, Workspace
from bots.models.workspace import Actor, ScopedQuerySet
from channels_integrations import flags
from channels_integrations.flags import Value
from channels_integrations.models.channel import ChannelConfig


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
