"""What the team writes down for itself."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from bots.fields import IdField
from bots.models.workspace import ScopedQuerySet
from conversations.models.conversation import Conversation
from conversations.models.people import Person

LONGEST_NOTE = 4_000


class NoteQuerySet(ScopedQuerySet):
    workspace_path = "person__workspace"


class Note(models.Model):
    """About a person, or about one of their conversations. Neither they nor any model ever read it."""

    id = IdField()
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="notes")
    conversation = models.ForeignKey(
        Conversation, null=True, blank=True, on_delete=models.CASCADE, related_name="notes"
    )
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    text = models.TextField(max_length=LONGEST_NOTE)
    created_at = models.DateTimeField(db_default=Now())

    objects = NoteQuerySet.as_manager()

    def __str__(self) -> str:
        return self.text[:80]
