"""What came in, byte for byte."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from bots.fields import IdField
from bots.models.workspace import ScopedQuerySet
from channels_integrations.models.channel import ChannelConfig


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
