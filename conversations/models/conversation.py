"""A conversation, and the lease by which one process at a time answers in it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from bots.fields import IdField
from bots.models import AIModel, Bot, Workspace
from bots.models.workspace import ScopedQuerySet
from channels_integrations.models import ChannelConfig
from conversations.models.people import ChatUser


def no_test(path: str = "") -> Q:
    """Without test chats, which are in no number; `path` leads to the conversation, as "conversation__".

    Of people: without those who stand for staff in test chats.
    """
    metadata = f"{path}metadata"
    # `exclude(metadata__test=True)` alone would also leave out what has no such key: in SQL it compares with NULL.
    return ~Q(**{f"{metadata}__has_key": "test"}) | ~Q(**{f"{metadata}__test": True})


class Conversation(models.Model):
    """What was said in one chat until it was ended. At most one is open for a (channel, chat_id).

    No index on `lease_until`, `lease_token`, `last_activity`: they change with every turn, and stay cheap without one.
    """

    class Owner(models.TextChoices):
        BOT = "bot"
        WAITING = "waiting"
        HUMAN = "human"
        CLOSED = "closed"

    id = IdField()
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    channel = models.ForeignKey(ChannelConfig, on_delete=models.PROTECT, related_name="+", db_index=False)
    bot = models.ForeignKey(Bot, on_delete=models.PROTECT, related_name="+")
    chat_id = models.CharField(max_length=250)
    chat_user = models.ForeignKey(ChatUser, on_delete=models.PROTECT, related_name="conversations")
    title = models.CharField(max_length=100, blank=True)
    owner = models.CharField(max_length=10, choices=Owner, default=Owner.BOT)
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    waiting_since = models.DateTimeField(null=True, blank=True)  # for a person of the team
    reminded_at = models.DateTimeField(null=True, blank=True)  # when the team was told so by e-mail
    model_override = models.ForeignKey(AIModel, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    next_seq = models.PositiveIntegerField(default=1)
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.PositiveIntegerField(default=0)
    metadata = models.JSONField(default=dict, blank=True)
    started_at = models.DateTimeField(db_default=Now())
    last_activity = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)
    unreachable_at = models.DateTimeField(null=True, blank=True)  # the platform takes nothing for this chat any more
    erased_at = models.DateTimeField(null=True, blank=True)  # its texts are gone, its numbers stay

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "chat_id"], condition=Q(ended_at=None), name="one_open_conversation"
            )
        ]
        indexes = [
            models.Index(fields=["waiting_since"], name="needs_a_person", condition=Q(owner__in=("waiting", "human")))
        ]

    def __str__(self) -> str:
        return self.title or str(self.pk)

    @property
    def is_test(self) -> bool:
        """Whether staff tried a bot here: in no number."""
        return self.metadata.get("test") is True

    @property
    def status(self) -> str:
        """`active` or `ended`."""
        return "active" if self.ended_at is None else "ended"
