"""Bots. The prompt is written here and kept as a version for every save that changed it."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from bots.admin import prompts
from bots.admin.bot_form import BotForm
from bots.admin.scoped import ScopedModelAdmin
from bots.models import Bot, BotPicture


@admin.register(Bot)
class BotAdmin(ScopedModelAdmin):
    form = BotForm
    none_yet = _("There is no bot yet. A bot is a name, a prompt and a model; you try it beside its form.")
    compressed_fields = False  # labels above their boxes: the test chat takes the width
    list_display = ("name", "slug", "answers_with", "is_active", "updated_at")
    list_select_related = ("model",)
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    readonly_fields = ("versions",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    *("workspace", "name", "slug", "description", "prompt", "versions", "model", "tools", "is_active"),
                    "seen",
                )
            },
        ),
        (_("Welcome"), {"fields": ("greeting", "suggestions", "upload", "without_picture")}),
        (_("Limits and parameters"), {"fields": ("max_output_tokens", "parameters"), "classes": ("collapse",)}),
    )

    def get_urls(self) -> Any:
        wrap = self.admin_site.admin_view
        return [
            path("<uuid:pk>/prompts/", wrap(prompts.history), name="bots_bot_prompts"),
            path("<uuid:pk>/prompts/<int:number>/restore/", wrap(prompts.restore), name="bots_bot_restore"),
            path("<uuid:pk>/copy/", wrap(require_POST(self.copy)), name="bots_bot_copy"),
            *super().get_urls(),
        ]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        obj.write_prompt(form.cleaned_data["prompt"], author=request.user)
        if form.cleaned_data.get("without_picture"):
            BotPicture.objects.filter(bot=obj).delete()
        if form.cleaned_data["upload"]:
            kind, data = form.cleaned_data["upload"]
            BotPicture.objects.update_or_create(bot=obj, defaults={"content_type": kind, "data": data})

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> Any:
        """A new bot is tried at once, beside its form."""
        if "_addanother" in request.POST or "_popup" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        messages.success(request, _("%(bot)s is saved. Try it here, then open a channel for it.") % {"bot": obj})
        return redirect("admin:bots_bot_change", obj.pk)

    def copy(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Another bot that begins as this one is, out of use until it was looked at."""
        bot = prompts.bot_of(request, pk, "bots.add_bot")
        made = bot.copy(author=request.user)
        told = str(_("Copied from %(bot)s.") % {"bot": bot})
        self.log_addition(request, made, told)
        messages.success(request, _("This is the copy. It is not in use yet: change it, try it, then switch it on."))
        return redirect("admin:bots_bot_change", made.pk)

    @admin.display(description=_("model"), ordering="model__name")
    def answers_with(self, obj: Any) -> str:
        return str(obj.model or _("the installation's"))

    @admin.display(description=_("versions"))
    def versions(self, obj: Any) -> str:
        """Which version is in force, and the way to all."""
        version = obj.prompt_version if obj else None
        if version is None:
            return "–"
        told = _("Version %(number)d, by %(author)s") % {"number": version.number, "author": version.author or "–"}
        link = reverse("admin:bots_bot_prompts", args=[obj.pk])
        return format_html(
            '{} · <a class="plain-link" href="{}">{}</a>', told, link, _("compare with earlier ones, or restore one")
        )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only a picture that is there can be removed; only a bot that was saved has versions."""
        there = obj is not None and BotPicture.objects.filter(bot=obj).exists()
        gone = {
            *(() if there else ("without_picture",)),
            *(() if obj else ("versions",)),
            *(self.get_exclude(request, obj) or ()),
        }
        return [
            (name, {**told, "fields": [field for field in told["fields"] if field not in gone]})
            for name, told in super().get_fieldsets(request, obj)
        ]
