"""Channels and their flags."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from bots.admin import theme
from bots.admin.scoped import ScopedModelAdmin, ScopedTabularInline
from channels_integrations.base import EmbeddableAdapter, WebhookAdapter, adapters
from channels_integrations.config_form import ChannelForm, config_boxes, form_for
from channels_integrations.flags import KNOWN
from channels_integrations.models import ChannelConfig, FeatureFlag
from channels_integrations.setup import Misconfigured, adapter_of


class FlagForm(forms.ModelForm):
    """Known flags are offered by name, with what they mean and their default."""

    name = forms.ChoiceField(
        choices=[(f.name, f"{f.name} ({f.default}): {f.help}") for f in KNOWN.values()], widget=theme.Select
    )

    class Meta:
        model = FeatureFlag
        fields: tuple[str, ...] = ("workspace", "channel", "name", "kind", "value")


class ChannelFlagForm(FlagForm):
    class Meta(FlagForm.Meta):
        fields = ("name", "kind", "value")


class FlagInline(ScopedTabularInline):
    model = FeatureFlag
    form = ChannelFlagForm
    verbose_name_plural = "Feature flags of this channel"


@admin.register(ChannelConfig)
class ChannelAdmin(ScopedModelAdmin):
    list_display = ("name", "kind", "slug", "bot", "default_model", "is_active")
    list_select_related = ("bot", "default_model")
    list_filter = ("kind", "is_active")
    prepopulated_fields = {"slug": ("name",)}
    inlines = (FlagInline,)
    readonly_fields = ("address", "snippet")

    class Media:
        js = ("staff/copy.js",)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """What the platform asks for comes with the second step, as for a new user's rights."""
        return super().get_form(request, obj, change, **{"form": form_for(obj.kind) if obj else ChannelForm, **kwargs})

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Any:
        """The platform's own boxes stand for its settings."""
        return [*super().get_exclude(request, obj), "config", "credentials"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A channel stays on its platform."""
        return ("kind", *self.readonly_fields) if obj else self.readonly_fields

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The platform's own boxes stand apart."""
        own = config_boxes(obj.kind) if obj else []
        rest = [name for name in self.get_fields(request, obj) if name not in own]
        return [(None, {"fields": rest}), *([(adapters[obj.kind].label, {"fields": own})] if own else [])]

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> Any:
        """A platform with boxes of its own is filled in next."""
        if not config_boxes(obj.kind) or "_addanother" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        messages.info(request, _("Now fill in what %(platform)s needs.") % {"platform": adapters[obj.kind].label})
        return redirect("admin:channels_integrations_channelconfig_change", obj.pk)

    @admin.display(description=_("address"))
    def address(self, obj: Any) -> str:
        """Where people or their platform reach it."""
        if obj.pk is None or obj.kind not in adapters:
            return "–"
        base = _base()
        if issubclass(adapters[obj.kind], WebhookAdapter):
            return f"{base}/webhooks/{obj.kind}/{obj.pk}/"
        return f"{base}/chat/{obj.slug}/" if obj.kind == "webchat" else "–"

    @admin.display(description=_("on a site of yours"))
    def snippet(self, obj: Any) -> str:
        """The HTML that shows this channel on a site, with a button that copies it."""
        try:
            adapter = adapter_of(obj.pk) if obj.pk else None
        except (Misconfigured, ObjectDoesNotExist):
            adapter = None
        if not isinstance(adapter, EmbeddableAdapter):
            return "–"
        html = adapter.snippet(obj.slug, _base())
        told = _("Paste it before </body>. Name the site below, under “Sites that may embed it”.")
        return format_html(
            '<code class="snippet">{}</code> <button type="button" class="button copy" data-copied="{}">{}</button>'
            '<div class="help">{}</div>',
            html, _("Copied"), _("Copy"), told,
        )  # fmt: skip

    def save_formset(self, request: Any, form: Any, formset: Any, change: bool) -> None:
        for flag in formset.save(commit=False):
            flag.workspace = form.instance.workspace
            flag.save()
        for flag in formset.deleted_objects:
            flag.delete()
        formset.save_m2m()


def _base() -> str:
    """Our address as others reach it; the one of `make run` where none is set."""
    return settings.PUBLIC_URL or f"http://127.0.0.1:{settings.PORT}"


@admin.register(FeatureFlag)
class FlagAdmin(ScopedModelAdmin):
    form = FlagForm
    list_display = ("name", "value", "channel", "updated_at")
    list_select_related = ("channel",)

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)  # back to its default
