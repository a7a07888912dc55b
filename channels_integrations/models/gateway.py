"""Who listens to what: a row a process, whose heartbeat keeps all that it listens to."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from bots.fields import IdField
from bots.models.workspace import ScopedQuerySet
from channels_integrations.models.channel import ChannelConfig


class GatewayQuerySet(ScopedQuerySet):
    workspace_path = "listeners__channel__workspace"


class Gateway(models.Model):
    """A process that listens to platforms. While its heart beats, nobody else listens to what is its own."""

    id = IdField()
    name = models.CharField(max_length=200)
    kinds = models.JSONField(default=list)
    started_at = models.DateTimeField(db_default=Now())
    beat_at = models.DateTimeField(db_default=Now())

    objects = GatewayQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class ListenerQuerySet(ScopedQuerySet):
    workspace_path = "channel__workspace"

    def free(self, since: Any) -> Any:
        """Those that nobody listens to: their process stopped, or its heart last beat before `since`."""
        return self.filter(Q(gateway=None) | Q(gateway__beat_at__lt=since))


class Listener(models.Model):
    """That a process listens to this shard of a channel: one of its connections. Most channels have one, shard 0."""

    class State(models.TextChoices):
        STARTING = "starting", _("is connecting")
        LISTENING = "listening", _("is connected")
        WAITING = "waiting", _("tries again soon")

    id = IdField()
    channel = models.ForeignKey(ChannelConfig, on_delete=models.CASCADE, related_name="listeners")
    shard = models.PositiveSmallIntegerField(default=0, db_default=0)
    gateway = models.ForeignKey(Gateway, null=True, on_delete=models.SET_NULL, related_name="listeners")
    state = models.CharField(max_length=10, choices=State, default=State.STARTING)
    since = models.DateTimeField(db_default=Now())

    objects = ListenerQuerySet.as_manager()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["channel", "shard"], name="one_listener_a_shard"),)

    def __str__(self) -> str:
        return f"{self.channel_id}/{self.shard} {self.state}"
