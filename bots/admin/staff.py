"""Members of staff, and their part in each workspace."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from bots.admin import theme
from bots.models import Membership

admin.site.unregister(Group)  # roles are a table in code: bots/roles.py
admin.site.unregister(get_user_model())


class MembershipInline(theme.TabularInline):
    model = Membership
    extra = 0
    verbose_name = _("role")
    verbose_name_plural = _("Role in each workspace")


@admin.register(get_user_model())
class StaffAdmin(UserAdmin, theme.ModelAdmin):
    """Only a superuser says who may do what."""

    form = theme.UserChangeForm
    add_form = theme.UserCreationForm
    change_password_form = theme.AdminPasswordChangeForm
    list_display = ("username", "first_name", "last_name", "email", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "is_superuser")
    inlines = (MembershipInline,)
    add_fieldsets = ((None, {"fields": ("username", "password1", "password2")}),)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("first_name", "last_name", "email")}),
        (
            _("Rights"),
            {
                "fields": ("is_active", "is_staff", "is_superuser"),
                "description": _("Staff may sign in. What they may do, their role below says. A superuser may all."),
            },
        ),
    )

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    has_change_permission = has_view_permission

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # switched off instead: what they did keeps their name
