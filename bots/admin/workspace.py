"""API keys: made here, shown once."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from bots.admin.scoped import ScopedModelAdmin
from bots.models import ApiKey
from bots.models.workspace import SCOPES


class ApiKeyForm(forms.ModelForm):
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in SCOPES], initial=["chat", "read"], widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = ApiKey
        fields = ("workspace", "name", "scopes", "bots", "rate_limit_per_minute", "expires_at", "revoked_at")


@admin.register(ApiKey)
class ApiKeyAdmin(ScopedModelAdmin):
    form = ApiKeyForm
    list_display = ("name", "prefix", "scopes", "created_at", "expires_at", "revoked_at")
    filter_horizontal = ("bots",)

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_exclude(request, obj), *(["revoked_at"] if obj is None else [])]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        text = "" if change else obj.mint()
        super().save_model(request, obj, form, change)
        if text:
            messages.warning(request, _("Copy the key now, it is not shown again: %(key)s") % {"key": text})
