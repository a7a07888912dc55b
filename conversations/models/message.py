"""What was said."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from bots.fields import IdField
from bots.models.workspace import ScopedQuerySet
from channels_integrations.models import ChannelConfig
from conversations.models.conversation import Conversation
from conversations.models.people import ChatUser
from conversations.models.turn import Turn


class MessageQuerySet(ScopedQuerySet):
    workspace_path = "conversation__workspace"


class Message(models.Model):
    """One entry of a conversation. `seq` grows by one; `event_id` is the door's own, by which a repeat is known."""

    class Role(models.TextChoices):
        USER = "user"
        ASSISTANT = "assistant"
        SYSTEM = "system"
        TOOL = "tool"

    id = IdField()
    conversation = models.ForeignKey(Conversation, on_delete=models.PROTECT, related_name="messages", db_index=False)
    channel = models.ForeignKey(ChannelConfig, on_delete=models.PROTECT, related_name="+", db_index=False)
    turn = models.ForeignKey(Turn, null=True, on_delete=models.PROTECT, related_name="messages", db_index=False)
    seq = models.PositiveIntegerField()
    role = models.CharField(max_length=10, choices=Role)
    sender = models.ForeignKey(ChatUser, null=True, on_delete=models.PROTECT, related_name="+")
    text = models.TextField()
    parts = models.JSONField(default=list)
    provider_state = models.JSONField(null=True)
    in_context = models.BooleanField(default=True)
    model_used = models.CharField(max_length=200, blank=True)
    token_count = models.PositiveIntegerField(null=True)
    event_id = models.CharField(max_length=250, null=True)  # noqa: DJ001  NULLs are not equal, empty texts are
    feedback = models.SmallIntegerField(default=0)
    metadata = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())

    objects = MessageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["conversation", "seq"], name="message_seq"),
            models.UniqueConstraint(
                fields=["channel", "event_id"], condition=Q(event_id__isnull=False), name="message_event_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} #{self.seq}"
