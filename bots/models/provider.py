"""Accounts at model providers, and the models they offer."""

from __future__ import annotations

import uuid
from typing import Any, Self

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from bots.fields import EncryptedField, IdField
from bots.models.workspace import ApiKey, ScopedQuerySet, Workspace
from bots.providers.base import clients

ADDRESS = r"^https?://[^\s/?#@<>]+(/[^\s?#<>]*)?\Z"  # also of a machine next door, whose name has no dot


class Source(models.TextChoices):
    """Who says what a row holds."""

    ADMIN = "admin", _("Admin")
    ENVIRONMENT = "environment", _("Environment (read-only here)")


def client_kinds() -> list[tuple[str, str]]:
    """The wire protocols there are; a callable, so that a new one needs no migration."""
    return [(kind, kind.replace("_", " ")) for kind in clients]


class SharedQuerySet(ScopedQuerySet):
    """Rows of a workspace, and those of nobody, which serve all."""

    def for_actor(self, actor: Any) -> Self:
        shared = Q(**{f"{self.workspace_path}__isnull": True})
        if isinstance(actor, ApiKey):
            return self.filter(shared | Q(**{self.workspace_path: actor.workspace_id}))
        own = super().for_actor(actor)
        return own | self.filter(shared) if getattr(actor, "is_staff", False) and actor.is_active else own

    def for_workspace(self, workspace_id: uuid.UUID) -> Self:
        """What bots of this workspace may use."""
        return self.filter(Q(**{f"{self.workspace_path}__isnull": True}) | Q(**{self.workspace_path: workspace_id}))


class AIProvider(models.Model):
    """An account at whoever runs models. Without a workspace it serves the whole installation."""

    id = IdField()
    workspace = models.ForeignKey(Workspace, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    slug = models.SlugField(max_length=40, help_text=_("First part of a model's name: openai in openai/gpt-6."))
    name = models.CharField(max_length=100)
    kind = models.CharField(_("protocol"), max_length=40, choices=client_kinds, default="openai_compatible")
    base_url = models.CharField(
        _("address"),
        blank=True,
        max_length=500,
        validators=[RegexValidator(ADDRESS, _("Write the whole address, as https://models.example/v1."))],
    )
    api_key = EncryptedField(verbose_name=_("API key"))
    max_concurrency = models.PositiveIntegerField(default=50, help_text=_("Calls at once, per process."))
    max_tokens_field = models.CharField(
        max_length=30,
        default="max_tokens",
        choices=[("max_tokens", "max_tokens"), ("max_completion_tokens", "max_completion_tokens")],
        help_text=_("How the server calls the limit of an answer; OpenAI's reasoning models want the second."),
    )
    source = models.CharField(max_length=20, choices=Source, default=Source.ADMIN, editable=False)
    is_active = models.BooleanField(_("in use"), default=True)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = SharedQuerySet.as_manager()

    class Meta:
        verbose_name = _("provider")
        constraints = [
            models.UniqueConstraint(fields=["workspace", "slug"], name="provider_slug"),
            models.UniqueConstraint(fields=["slug"], condition=Q(workspace=None), name="shared_provider_slug"),
        ]

    def __str__(self) -> str:
        return self.name


class ModelQuerySet(SharedQuerySet):
    workspace_path = "provider__workspace"


class AIModel(models.Model):
    """A model of a provider. `<provider's slug>/<name>` is how people and settings call it."""

    id = IdField()
    provider = models.ForeignKey(AIProvider, on_delete=models.PROTECT, related_name="models")
    name = models.CharField(max_length=150, help_text=_("As the provider calls it."))
    label = models.CharField(max_length=150, blank=True)
    context_window = models.PositiveIntegerField(default=32_000, help_text=_("Tokens in and out together."))
    max_output_tokens = models.PositiveIntegerField(default=2_000, help_text=_("Most tokens of one answer."))
    can_call_tools = models.BooleanField(default=True)
    can_see_images = models.BooleanField(default=False)
    can_reason = models.BooleanField(default=False)
    parameters = models.JSONField(default=dict, blank=True, help_text=_("Sent as they are: temperature, top_p …"))
    connect_seconds = models.FloatField(default=5)
    first_token_seconds = models.FloatField(default=30)
    idle_seconds = models.FloatField(default=20)
    total_seconds = models.FloatField(default=120)
    shutdown_date = models.DateField(null=True, blank=True, help_text=_("When the provider ends it."))
    source = models.CharField(max_length=20, choices=Source, default=Source.ADMIN, editable=False)
    is_active = models.BooleanField(_("in use"), default=True)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = ModelQuerySet.as_manager()

    class Meta:
        verbose_name = _("model")
        constraints = [models.UniqueConstraint(fields=["provider", "name"], name="model_name")]

    def __str__(self) -> str:
        return self.label or self.name

    @property
    def reference(self) -> str:
        """`<provider>/<model>`."""
        return f"{self.provider.slug}/{self.name}"
