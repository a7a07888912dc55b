"""Bots. The prompt is written here and kept as a version for every save that changed it."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from bots.admin import theme
from bots.admin.scoped import ScopedModelAdmin
from bots.models import Bot, BotPicture
from bots.tools.base import tools

LARGEST_PICTURE = 200 * 1024  # bytes
PICTURES = {rb"\x89PNG\r\n\x1a\n": "image/png", rb"\xff\xd8\xff": "image/jpeg", rb"RIFF.{4}WEBP": "image/webp"}


class BotForm(forms.ModelForm):
    """A bot with its prompt, its tools as boxes to tick, its suggestions a line each."""

    prompt = forms.CharField(
        widget=theme.Textarea(attrs={"rows": 12}),
        required=False,
        max_length=50_000,
        help_text=_("What the model is told before every conversation."),
    )
    tools = forms.MultipleChoiceField(
        choices=lambda: [(name, f"{name}: {entry.description}") for name, entry in tools.items()],
        required=False,
        widget=theme.Checkboxes,
    )
    suggestions = forms.CharField(
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
        fields = "__all__"  # noqa: DJ007  the page names its fields

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["prompt"] = self.instance.prompt
        self.initial["suggestions"] = "\n".join(self.instance.suggestions)
        if not BotPicture.objects.filter(bot=self.instance.pk).exists():
            del self.fields["without_picture"]

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


@admin.register(Bot)
class BotAdmin(ScopedModelAdmin):
    form = BotForm
    list_display = ("name", "slug", "model", "is_active", "updated_at")
    list_select_related = ("model",)
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    fieldsets = (
        (None, {"fields": ("name", "slug", "description", "prompt", "model", "tools", "is_active")}),
        (_("Welcome"), {"fields": ("greeting", "suggestions", "upload", "without_picture")}),
        (_("Advanced"), {"fields": ("parameters",), "classes": ("collapse",)}),
    )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        obj.write_prompt(form.cleaned_data["prompt"], author=request.user)
        if form.cleaned_data.get("without_picture"):
            BotPicture.objects.filter(bot=obj).delete()
        if form.cleaned_data["upload"]:
            kind, data = form.cleaned_data["upload"]
            BotPicture.objects.update_or_create(bot=obj, defaults={"content_type": kind, "data": data})

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only a picture that is there can be removed."""
        there = obj is not None and BotPicture.objects.filter(bot=obj).exists()
        gone = () if there else ("without_picture",)
        return [
            (name, {**told, "fields": [field for field in told["fields"] if field not in gone]})
            for name, told in super().get_fieldsets(request, obj)
        ]
