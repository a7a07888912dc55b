"""Channels and their flags."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin

from bots.admin.scoped import ScopedModelAdmin, ScopedTabularInline
from channels_integrations.flags import KNOWN
from channels_integrations.models import ChannelConfig, FeatureFlag


class FlagForm(forms.ModelForm):
    """Known flags are offered by name, with what they mean and their default."""

    name = forms.ChoiceField(choices=[(f.name, f"{f.name} ({f.default}): {f.help}") for f in KNOWN.values()])

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
    exclude = ("config",)
    prepopulated_fields = {"slug": ("name",)}
    inlines = (FlagInline,)

    def save_formset(self, request: Any, form: Any, formset: Any, change: bool) -> None:
        for flag in formset.save(commit=False):
            flag.workspace = form.instance.workspace
            flag.save()
        for flag in formset.deleted_objects:
            flag.delete()
        formset.save_m2m()


@admin.register(FeatureFlag)
class FlagAdmin(ScopedModelAdmin):
    form = FlagForm
    list_display = ("name", "value", "channel", "updated_at")
    list_select_related = ("channel",)

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)  # back to its default
