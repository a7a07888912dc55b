"""Models: what they can do, what they cost, and another in their place."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, Prefetch, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from bots import references, roles, shutdown
from bots.admin import theme
from bots.admin.provider import FollowsEnvironment
from bots.admin.scoped import ScopedTabularInline
from bots.models import AIModel, AIProvider, ModelPrice
from bots.models.price import nanodollars, plain

MOST_DOLLARS = 1_000_000
PRICES = ("input", "cached", "output")


class PriceForm(forms.ModelForm):
    """A price in dollars per million tokens, exact to a billionth."""

    input_dollars = forms.DecimalField(label=_("input"), min_value=0, max_value=MOST_DOLLARS, decimal_places=9)
    cached_dollars = forms.DecimalField(
        label=_("cached input"), min_value=0, max_value=MOST_DOLLARS, decimal_places=9, required=False,
        help_text=_("Empty: as input."),
    )  # fmt: skip
    output_dollars = forms.DecimalField(label=_("output"), min_value=0, max_value=MOST_DOLLARS, decimal_places=9)

    class Meta:
        model = ModelPrice
        fields = ("valid_from",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in PRICES:
            self.fields[f"{name}_dollars"].widget = theme.Decimal(attrs={"step": "any", "min": "0"})

    def save(self, commit: bool = True) -> Any:
        for name in PRICES:
            amount = self.cleaned_data[f"{name}_dollars"]
            setattr(self.instance, f"{name}_nanodollars", None if amount is None else nanodollars(amount))
        return super().save(commit)


class PriceInline(ScopedTabularInline):
    model = ModelPrice
    form = PriceForm
    fields = ("valid_from", *(f"{name}_dollars" for name in PRICES))
    verbose_name_plural = _("Prices, in dollars per million tokens")
    hide_title = True

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # a price that held is history; another one holds from its own day on

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("input"))
    def input_dollars(self, price: ModelPrice) -> str:
        return f"${plain(price.input_nanodollars)}"

    @admin.display(description=_("cached input"))
    def cached_dollars(self, price: ModelPrice) -> str:
        return str(_("as input")) if price.cached_nanodollars is None else f"${plain(price.cached_nanodollars)}"

    @admin.display(description=_("output"))
    def output_dollars(self, price: ModelPrice) -> str:
        return f"${plain(price.output_nanodollars)}"


class ModelForm(forms.ModelForm):
    class Meta:
        model = AIModel
        fields = "__all__"  # noqa: DJ007  the page names its fields
        labels = {
            "can_call_tools": _("Can use tools"), "connect_seconds": _("Connecting, seconds"),
            "first_token_seconds": _("First word, seconds"), "idle_seconds": _("Silence in between, seconds"),
            "total_seconds": _("Whole answer, seconds"), "shutdown_date": _("Ends on"),
        }  # fmt: skip
        help_texts = {
            "label": _("As people see it. Empty: its name."),
            "parameters": _("Sent as they are: temperature, top_p … A bot's own come over them."),
            "shutdown_date": _("When the provider ends it. Staff are warned a month ahead."),
        }


@admin.register(AIModel)
class AIModelAdmin(FollowsEnvironment):
    """What the environment says of a model stays as it is; what it costs is always said here."""

    none_yet = _("There is no model yet. “Fetch models” on a provider's page lists what it offers.")
    form = ModelForm
    list_display = ("reference", "label", "price", "context_window", "can_call_tools", "ends", "is_active", "origin")
    list_select_related = ("provider",)
    list_filter = ("is_active",)
    search_fields = ("name", "label")
    readonly_fields = ("origin",)
    inlines = (PriceInline,)
    variable = "DEFAULT_MODEL"
    fieldsets = (
        (_("Name"), {"fields": ("provider", "name", "label", "is_active", "origin")}),
        (
            _("Abilities and limits"),
            {
                "fields": (
                    "context_window", "max_output_tokens", "can_call_tools", "can_see_images", "can_reason",
                    "shutdown_date",
                )
            },
        ),
        (
            _("Time-outs"),
            {
                "fields": ("connect_seconds", "first_token_seconds", "idle_seconds", "total_seconds"),
                "classes": ("collapse",),
                "description": _("How long an answer may take before it counts as failed."),
            },
        ),
        (_("Parameters"), {"fields": ("parameters",), "classes": ("collapse",)}),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        now = ModelPrice.objects.filter(valid_from__lte=timezone.now()).order_by("-valid_from")
        return super().get_queryset(request).prefetch_related(Prefetch("prices", queryset=now, to_attr="prices_so_far"))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only who may change all gives a model to all workspaces."""
        box = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if box is not None and not roles.in_workspace(request.user, None, "bots.add_aimodel"):
            box.queryset = box.queryset.filter(workspace__in=roles.workspaces(request.user, "bots.add_aimodel"))
        return box

    def provider_of(self, obj: Any) -> AIProvider:
        found: AIProvider = obj.provider
        return found

    @admin.display(description=_("price per million"))
    def price(self, model: Any) -> Any:
        """What holds now, in and out."""
        held = next(iter(model.prices_so_far), None)
        if held is None:
            return _("unknown")
        return f"${plain(held.input_nanodollars)} / ${plain(held.output_nanodollars)}"

    @admin.display(description=_("ends on"), ordering="shutdown_date")
    def ends(self, model: AIModel) -> Any:
        """The day; with a mark where it is near."""
        day = model.shutdown_date
        if day is None or not shutdown.is_near(day):
            return day
        told = shutdown.sentence(day)
        return format_html('<strong class="ending" title="{}">⚠ {}</strong>', told, date_format(day))

    def get_urls(self) -> Any:
        page = self.admin_site.admin_view(self.replace_page)
        return [path("<path:object_id>/replace/", page, name="bots_aimodel_replace"), *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        row = context.get("original")
        more = {} if row is None else {
            "where_from": self.where_from(row),
            "ending": shutdown.sentence(row.shutdown_date) if shutdown.is_near(row.shutdown_date) else "",
            "may_replace": bool(scope_of(request.user, row)),
        }  # fmt: skip
        page: HttpResponse = super().render_change_form(request, {**context, **more}, *args, **kwargs)
        return page

    def replace_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Who uses this model, and another one in its place."""
        model = self.opened(request, object_id)
        scope = scope_of(request.user, model)
        if not scope:
            raise PermissionDenied
        form = ReplaceForm(request.POST if request.method == "POST" else None, choices=others(model, scope))
        if form.is_valid():
            return self._replace(request, model, form.cleaned_data["other"], scope)
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "original": model, "model": model, "form": form,
            "title": _("Replace %(name)s everywhere") % {"name": model.reference},
            "uses": references.uses(model, scope), "is_default": references.is_default(model),
        }  # fmt: skip
        return render(request, "admin/replace_model.html", context)

    def _replace(self, request: HttpRequest, model: AIModel, other: AIModel, scope: Any) -> HttpResponse:
        done = [use for use in references.replace(model, other, workspaces=scope, actor=request.user) if use.count]
        told = ", ".join(str(use) for use in done) or _("nobody used it")
        names = {"old": model.reference, "new": other.reference, "told": told}
        messages.success(request, _("%(new)s stands for %(old)s now (%(told)s).") % names)
        return redirect(reverse("admin:bots_aimodel_change", args=[model.pk]))


class ReplaceForm(forms.Form):
    other = forms.ModelChoiceField(
        label=_("Use instead"), queryset=AIModel.objects.none(), widget=theme.Select, empty_label=_("Choose …")
    )

    def __init__(self, *args: Any, choices: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        box: Any = self.fields["other"]
        box.queryset = choices
        box.label_from_instance = lambda model: f"{model.reference} ({model})" if model.label else model.reference


def scope_of(user: Any, model: AIModel) -> list[Any]:
    """The workspaces in which this person may say which model is used, of those that use this one."""
    mine = roles.workspaces(user, "bots.change_aimodel")
    home = model.provider.workspace_id
    return mine if home is None else [key for key in mine if key == home]


def others(model: AIModel, scope: list[Any]) -> Any:
    """Models in use that each of these workspaces may call."""
    shared = Q(provider__workspace=None)
    reach = shared | Q(provider__workspace=scope[0]) if len(scope) == 1 else shared
    rows = AIModel.objects.filter(reach, is_active=True, archived_at=None).exclude(pk=model.pk)
    rows = rows.filter(provider__is_active=True, provider__archived_at=None).select_related("provider")
    return rows.order_by(F("provider__slug"), "name")
