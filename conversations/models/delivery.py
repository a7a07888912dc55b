"""The outbox: what a platform is still to be sent, part by part."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from bots.fields import IdField
from bots.models.workspace import ScopedQuerySet
from conversations.models.message import Message

OPEN = ("new", "sending")
GIVEN_UP = ("failed", "expired", "unknown")
TO_TRY_AGAIN = ("failed", "unknown")  # of those; what expired would come too late


class DeliveryQuerySet(ScopedQuerySet):
    workspace_path = "message__conversation__workspace"

    def heads(self) -> Self:
        """Without parts that wait behind one of their conversation whose time has not come."""
        earlier = Q(message__seq__lt=OuterRef("message__seq"))
        earlier |= Q(message__seq=OuterRef("message__seq"), part__lt=OuterRef("part"))
        before = Delivery.objects.filter(
            earlier, state__in=OPEN, run_after__gt=Now(),
            message__conversation_id=OuterRef("message__conversation_id"),
        )  # fmt: skip
        return self.filter(~Exists(before))


class Delivery(models.Model):
    """One part of a message on its way to a platform. Web chat and API need none: their clients read by `seq`."""

    class State(models.TextChoices):
        NEW = "new"
        SENDING = "sending"
        SENT = "sent"
        FAILED = "failed"
        EXPIRED = "expired"
        UNKNOWN = "unknown"

    id = IdField()
    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="deliveries", db_index=False)
    part = models.PositiveSmallIntegerField()
    payload = models.JSONField()
    state = models.CharField(max_length=10, choices=State, default=State.NEW)
    platform_id = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    token = models.PositiveIntegerField(default=0, db_default=0)  # how often a process took it to send
    ambiguous = models.BooleanField(default=False, db_default=False, help_text=_("It may have arrived more than once."))
    reason = models.CharField(max_length=300, blank=True)
    run_after = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=["message", "part"], name="delivery_part")]
        indexes = [
            models.Index(fields=["run_after"], name="delivery_due", condition=Q(state__in=OPEN)),
            models.Index(fields=["state", "id"], name="delivery_given_up", condition=Q(state__in=GIVEN_UP)),
        ]

    def __str__(self) -> str:
        return f"part {self.part + 1} {self.state}"

    def note_place(self, platform_id: str) -> bool:
        """Whether the part stands there from now on, and is sent by editing that message: not when another sends it."""
        mine = Delivery.objects.filter(pk=self.pk, state=self.state, token=self.token, platform_id="")
        if not mine.update(platform_id=platform_id):
            return False
        self.platform_id = platform_id
        return True

    def move(self, **values: Any) -> bool:
        """Whether the row took these values: only while it is as it was read, so that two processes cannot both.

        By its token, which never goes back, as attempts do: a process that slept meanwhile must not find it as it was.
        """
        mine = Delivery.objects.filter(pk=self.pk, state=self.state, token=self.token)
        if not mine.update(**values):
            return False
        for name in ("state", "attempts", "token", "ambiguous"):
            setattr(self, name, values.get(name, getattr(self, name)))
        return True
