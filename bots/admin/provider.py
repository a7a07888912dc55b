"""Providers, their models, and what these cost."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from bots.admin.scoped import ScopedModelAdmin, ScopedTabularInline
from bots.models import AIModel, AIProvider, ModelPrice
from bots.models.provider import Source


class FollowsEnvironment(ScopedModelAdmin):
    """Rows that the environment made follow it at every start: they can be read here, not changed."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None or obj.source != Source.ENVIRONMENT:
            return super().get_readonly_fields(request, obj)
        return [field.name for field in obj._meta.fields if field.editable]


@admin.register(AIProvider)
class AIProviderAdmin(FollowsEnvironment):
    list_display = ("name", "slug", "kind", "base_url", "is_active", "source")
    readonly_fields = ("source",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        mine = obj is None or obj.source != Source.ENVIRONMENT
        return mine and super().has_change_permission(request, obj)


class PriceInline(ScopedTabularInline):
    model = ModelPrice
    fields = ("valid_from", "input_nanodollars", "cached_nanodollars", "output_nanodollars")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # a price that held is history; another one holds from its own day on

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AIModel)
class AIModelAdmin(FollowsEnvironment):
    """What the environment says of a model stays as it is; what it costs is always said here."""

    list_display = ("reference", "label", "context_window", "can_call_tools", "shutdown_date", "is_active", "source")
    list_select_related = ("provider",)
    list_filter = ("is_active",)
    search_fields = ("name", "label")
    readonly_fields = ("source",)
    inlines = (PriceInline,)
