"""Answers that the team gives again and again."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from bots.fields import IdField
from bots.models import Workspace
from bots.models.workspace import ScopedQuerySet


class CannedAnswer(models.Model):
    """A text that is offered, by its name, where people of the team answer."""

    id = IdField()
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="canned_answers")
    name = models.CharField(max_length=100)
    text = models.TextField(max_length=4_000)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("canned answer")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
