"""Bots. The prompt is written here and kept as a version for every save that changed it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from bots.admin.scoped import ScopedModelAdmin
from bots.models import Bot
from bots.tools.base import tools


class BotForm(forms.ModelForm):
    """A bot with its prompt, its tools as boxes to tick, its suggestions a line each."""

    prompt = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 12, "cols": 100}),
        required=False,
        max_length=50_000,
        help_text=_("What the model is told before every conversation."),
    )
    tools = forms.MultipleChoiceField(
        choices=lambda: [(name, f"{name}: {entry.description}") for name, entry in tools.items()],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    suggestions = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4, "cols": 100}),
        required=False,
        help_text=_("Questions offered at the start, one a line."),
    )

    class Meta:
        model = Bot
        fields = "__all__"  # noqa: DJ007  the page names its fields

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["prompt"] = self.instance.prompt
        self.initial["suggestions"] = "\n".join(self.instance.suggestions)

    def clean_suggestions(self) -> list[str]:
        """The lines that say something."""
        return [line.strip() for line in self.cleaned_data["suggestions"].splitlines() if line.strip()]


@admin.register(Bot)
class BotAdmin(ScopedModelAdmin):
    form = BotForm
    list_display = ("name", "slug", "model", "is_active", "updated_at")
    list_select_related = ("model",)
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    fieldsets = (
        (None, {"fields": ("name", "slug", "description", "prompt", "model", "tools", "is_active")}),
        (_("Welcome"), {"fields": ("greeting", "suggestions")}),
        (_("Advanced"), {"fields": ("parameters",), "classes": ("collapse",)}),
    )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        obj.write_prompt(form.cleaned_data["prompt"], author=request.user)
