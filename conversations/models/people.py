"""Who writes: a platform's account, and the person above it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from bots.fields import IdField
from bots.models import AIModel, Workspace
from bots.models.workspace import ScopedQuerySet
from channels_integrations.models import ChannelConfig


class Person(models.Model):
    """A human being, with what holds on every channel they use."""

    id = IdField()
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="people")
    name = models.CharField(max_length=200, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+",
        help_text=_("The person's own account here; tools that ask for a permission look at this one."),
    )  # fmt: skip
    language = models.CharField(max_length=20, blank=True)
    timezone = models.CharField(max_length=50, blank=True)
    preferred_model = models.ForeignKey(AIModel, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    blocked_at = models.DateTimeField(null=True, blank=True, editable=False)
    blocked_told_at = models.DateTimeField(null=True, blank=True, editable=False)  # when they last heard so

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name_plural = _("people")
        indexes = [models.Index(fields=["id"], name="person_blocked", condition=Q(blocked_at__isnull=False))]

    def __str__(self) -> str:
        return self.name or str(_("Visitor"))


class ChatUserQuerySet(ScopedQuerySet):
    workspace_path = "channel__workspace"


class ChatUser(models.Model):
    """An account on one channel. Two bots never share one, so two tenants never share a person by accident."""

    id = IdField()
    channel = models.ForeignKey(ChannelConfig, on_delete=models.PROTECT, related_name="+", db_index=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="chat_users")
    external_id = models.CharField(max_length=200)
    username = models.CharField(max_length=200, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = ChatUserQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "external_id"], name="chat_user_once")]

    def __str__(self) -> str:
        return self.username or self.external_id
