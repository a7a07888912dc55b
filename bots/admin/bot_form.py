"""The form of a bot."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from bots.admin import theme
from bots.admin.meanwhile import SavedMeanwhile
from bots.models import Bot, BotPicture, Workspace
from bots.tools.base import tools

LARGEST_PICTURE = 200 * 1024  # bytes
PICTURES = {rb"\x89PNG\r\n\x1a\n": "image/png", rb"\xff\xd8\xff": "image/jpeg", rb"RIFF.{4}WEBP": "image/webp"}


class BotForm(SavedMeanwhile):
    """A bot with its prompt, its tools as boxes to tick, its suggestions a line each."""

    prompt = forms.CharField(
        label=_("Prompt"),
        widget=theme.Textarea(attrs={"rows": 12}),
        required=False,
        max_length=50_000,
        help_text=_("What the model is told before every conversation."),
    )
    tools = forms.MultipleChoiceField(
        label=_("Tools"),
        choices=lambda: [(name, f"{name}: {entry.description}") for name, entry in tools.items()],
        required=False,
        widget=theme.Checkboxes,
    )
    suggestions = forms.CharField(
        label=_("Suggestions"),
        widget=theme.Textarea(attrs={"rows": 4}),
        required=False,
        help_text=_("Questions offered at the start, one a line."),
    )

    upload = forms.FileField(
        label=_("Picture"),
        required=False,
        widget=theme.File(attrs={"accept": ",".join(PICTURES.values())}),
        help_text=_("Square, PNG, JPEG or WebP, 200 KB at most. Shown beside the bot's name in the web chat."),
    )
    without_picture = forms.BooleanField(label=_("Remove the picture"), required=False, widget=theme.Switch)

    class Meta:
        model = Bot
        fields = "__all__"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["prompt"] = self.instance.prompt
        self.initial["suggestions"] = "\n".join(self.instance.suggestions)
        if not BotPicture.objects.filter(bot=self.instance.pk).exists():
            del self.fields["without_picture"]

    def clean(self) -> dict[str, Any]:
        """No two bots of one slug, also where the other is archived, and the box of the workspace not shown."""
        cleaned = super().clean()
        home = cleaned.get("workspace") or self.instance.workspace_id or Workspace.default()
        same = Bot.objects.filter(workspace=home, slug=cleaned.get("slug")).exclude(pk=self.instance.pk)
        if cleaned.get("slug") and same.exists():
            self.add_error("slug", _("Another bot, perhaps an archived one, has this slug already."))
        return cleaned

    def clean_suggestions(self) -> list[str]:
        """The lines that say something."""
        return [line.strip() for line in self.cleaned_data["suggestions"].splitlines() if line.strip()]

    def clean_upload(self) -> tuple[str, bytes] | None:
        """The picture's content type and bytes. What it is, its first bytes say, not its name."""
        upload = self.cleaned_data["upload"]
        if not upload:
            return None
        if upload.size > LARGEST_PICTURE:
            raise forms.ValidationError(
                _("A picture may have 200 KB; this one has %(size)d KB.") % {"size": upload.size // 1024}
            )
        data = upload.read()
        kind = next((kind for beginning, kind in PICTURES.items() if re.match(beginning, data, re.DOTALL)), None)
        if kind is None:
            raise forms.ValidationError(_("This is no PNG, JPEG or WebP picture."))
        return kind, data
