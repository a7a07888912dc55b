"""A bot and the versions of its prompt."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Max
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from bots.fields import IdField
from bots.models.provider import AIModel
from bots.models.workspace import ScopedQuerySet, Workspace


class Bot(models.Model):
    """Who answers: name, prompt, model, tools. Its prompt is the newest of its PromptVersions."""

    id = IdField()
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="bots")
    slug = models.SlugField(max_length=60, help_text=_("Its name for programs; the model's name for OpenAI clients."))
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=300, blank=True)
    model = models.ForeignKey(AIModel, null=True, blank=True, on_delete=models.PROTECT, related_name="+",
                              help_text=_("Empty: the installation's default model."))  # fmt: skip
    prompt_version = models.ForeignKey(
        "bots.PromptVersion", null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="+"
    )
    greeting = models.CharField(max_length=500, blank=True)
    suggestions = models.JSONField(default=list, blank=True, help_text=_("Questions offered at the start, as a list."))
    tools = models.JSONField(default=list, blank=True, help_text=_("Names of the tools it may use, as a list."))
    parameters = models.JSONField(default=dict, blank=True, help_text=_("Sent to the model, over the model's own."))
    max_output_tokens = models.PositiveIntegerField(
        _("longest answer"), null=True, blank=True, validators=[MinValueValidator(16), MaxValueValidator(1_000_000)],
        help_text=_("Tokens; a token is about three quarters of a word. Empty: as long as the model may answer."),
    )  # fmt: skip
    is_active = models.BooleanField(_("in use"), default=True)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "slug"], name="bot_slug")]

    def __str__(self) -> str:
        return self.name

    @property
    def prompt(self) -> str:
        """The prompt in force; "" before the first was written."""
        return self.prompt_version.text if self.prompt_version else ""

    def write_prompt(self, text: str, *, author: Any = None) -> PromptVersion:
        """The version that now holds: a new one, or the current one where the text is the same."""
        with transaction.atomic():
            locked = Bot.objects.select_for_update(of=("self",)).select_related("prompt_version").get(pk=self.pk)
            version: PromptVersion | None = locked.prompt_version  # this instance may not know the latest
            if version is None or version.text != text:
                last = self.prompt_versions.aggregate(last=Max("number"))["last"] or 0
                version = PromptVersion.objects.create(bot=self, number=last + 1, text=text, author=author)
                Bot.objects.filter(pk=self.pk).update(prompt_version=version, updated_at=Now())
            self.prompt_version = version
        return version

    def copy(self, *, author: Any = None) -> Bot:
        """A bot of its own that begins as this one is: out of use, under a name and slug that are free."""
        with transaction.atomic():
            taken = set(Bot.objects.filter(workspace=self.workspace).values_list("slug", flat=True))
            stem = f"{self.slug[:50]}-copy"
            slug = next(slug for slug in _numbered(stem) if slug not in taken)
            made = Bot.objects.create(
                workspace=self.workspace, slug=slug, name=f"Copy of {self.name}"[:100],
                description=self.description, model=self.model, greeting=self.greeting, suggestions=self.suggestions,
                tools=self.tools, parameters=self.parameters, max_output_tokens=self.max_output_tokens, is_active=False,
            )  # fmt: skip
            made.write_prompt(self.prompt, author=author)
            for picture in BotPicture.objects.filter(bot=self):
                BotPicture.objects.create(bot=made, content_type=picture.content_type, data=picture.data)
        return made


def _numbered(stem: str) -> Iterator[str]:
    """The stem, then `stem-2`, `stem-3` …"""
    yield stem
    yield from (f"{stem}-{number}" for number in count(2))


class BotPictureQuerySet(ScopedQuerySet):
    workspace_path = "bot__workspace"


class BotPicture(models.Model):
    """The picture that people see beside the bot's name: in a row of its own, since it is read by itself."""

    bot = models.OneToOneField(Bot, on_delete=models.CASCADE, primary_key=True, related_name="picture")
    content_type = models.CharField(max_length=30)
    data = models.BinaryField()
    updated_at = models.DateTimeField(auto_now=True)

    objects = BotPictureQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.bot_id} {self.content_type}"


class PromptVersionQuerySet(ScopedQuerySet):
    workspace_path = "bot__workspace"


class PromptVersion(models.Model):
    """One saved prompt of a bot. Never changed: what a model was told can always be read."""

    id = IdField()
    bot = models.ForeignKey(Bot, on_delete=models.PROTECT, related_name="prompt_versions")
    number = models.PositiveIntegerField()
    text = models.TextField(max_length=50_000)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    objects = PromptVersionQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["bot", "number"], name="prompt_number")]
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"{self.bot} #{self.number}"

    def save(self, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("a PromptVersion is never changed; write_prompt() makes the next one")
        super().save(**kwargs)
