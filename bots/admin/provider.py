"""Providers: what they are, whether they answer, and which of their models are used here."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.forms.widgets import Script
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from bots import offers, roles
from bots.admin.provider_form import AddProviderForm, ProviderForm, home_of
from bots.admin.scoped import ScopedModelAdmin
from bots.models import AIProvider
from bots.models.price import plain
from bots.models.provider import Source
from bots.offers import NoAnswer
from bots.providers.base import OfferedModel

BUILT_IN = _("This is built in. There is nothing to set up.")
FROM_ENVIRONMENT = _("This comes from the environment variable %(name)s; change it there.")


class FollowsEnvironment(ScopedModelAdmin):
    """Rows that the environment made follow it at every start: they can be read here, not changed."""

    variable = ""  # that says it

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None or obj.source != Source.ENVIRONMENT:
            return super().get_readonly_fields(request, obj)
        return [*(field.name for field in obj._meta.fields if field.editable), "origin"]

    def where_from(self, obj: Any) -> Any:
        """In a sentence, who says what a row holds; "" where that is done here."""
        if obj is None or obj.source != Source.ENVIRONMENT:
            return ""
        return BUILT_IN if self.provider_of(obj).slug == "demo" else FROM_ENVIRONMENT % {"name": self.variable}

    def provider_of(self, obj: Any) -> AIProvider:
        """The account that a row stands for or belongs to."""
        found: AIProvider = obj
        return found

    @admin.display(description=_("set by"))
    def origin(self, obj: Any) -> Any:
        """Who says what a row holds."""
        if obj.pk is None or obj.source != Source.ENVIRONMENT:
            return _("staff, here")
        return _("built in") if self.provider_of(obj).slug == "demo" else self.variable

    def opened(self, request: HttpRequest, object_id: str) -> Any:
        """The row this person may see, or 404."""
        row = self.get_object(request, unquote(object_id))
        if row is None or not self.has_view_permission(request, row):
            raise Http404(f"no {self.opts.verbose_name} {object_id!r}")
        return row


@admin.register(AIProvider)
class AIProviderAdmin(FollowsEnvironment):
    none_yet = _("There is no provider yet. A provider is whoever runs the models: choose the service, paste its key.")
    form = ProviderForm
    list_display = ("name", "slug", "base_url", "is_active", "origin")
    readonly_fields = ("origin",)
    variable = "OPENAI_API_KEY"

    class Media:
        js = (Script("staff/provider.js", type="module"),)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """A new one begins with the choice of a service."""
        made = super().get_form(request, obj, change, **{"form": ProviderForm if obj else AddProviderForm, **kwargs})
        made.actor = request.user
        return made

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        hidden = self.get_exclude(request, obj)
        given = obj is not None and obj.source == Source.ENVIRONMENT
        first = ["name", "slug", "base_url", *([] if given else ["api_key"])]
        first = [*first, "is_active", "origin"] if obj else ["preset", *first]
        home = [] if "workspace" in hidden else ["workspace"]
        more = ["kind", "max_tokens_field", "max_concurrency"]
        return [(None, {"fields": [*first, *home]}), (_("Advanced"), {"fields": more, "classes": ("collapse",)})]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only who may change all gives an account to all workspaces."""
        box = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if box is not None and not roles.in_workspace(request.user, None, "bots.add_aiprovider"):
            box.required = True
            box.queryset = box.queryset.filter(pk__in=roles.workspaces(request.user, "bots.add_aiprovider"))
        return box

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change and obj.workspace_id is None:
            obj.workspace_id = home_of(request.user)
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> Any:
        """What comes next stands on its page."""
        if "_addanother" in request.POST or "_popup" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        messages.success(request, _("%(name)s is there. Test the connection, then fetch its models.") % {"name": obj})
        return redirect("admin:bots_aiprovider_change", obj.pk)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        mine = obj is None or obj.source != Source.ENVIRONMENT
        return mine and super().has_change_permission(request, obj)

    def get_urls(self) -> Any:
        pages = (
            ("test", require_POST(self.test_page)),
            ("models", require_http_methods(["GET", "POST"])(self.models_page)),
        )
        own = [
            path(f"<path:object_id>/{name}/", self.admin_site.admin_view(page), name=f"bots_aiprovider_{name}")
            for name, page in pages
        ]
        return [*own, *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        row = context.get("original")
        more = {
            "where_from": self.where_from(row),
            "may_test": row is not None and may_test(request.user, row),
            "may_add_models": row is not None and may_add_models(request.user, row),
        }
        page: HttpResponse = super().render_change_form(request, {**context, **more}, *args, **kwargs)
        return page

    def test_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Whether the provider answers, in a sentence: as JSON to the page's script, else on the page itself."""
        provider = self.opened(request, object_id)
        if not may_test(request.user, provider):
            raise PermissionDenied
        try:
            count = len(offers.offered_by(provider))
            ok, sentence = True, _("It works: the provider answers and offers %(count)d models.") % {"count": count}
        except NoAnswer as failure:
            ok, sentence = False, str(failure)
        if request.headers.get("Accept") == "application/json":
            return JsonResponse({"ok": ok, "message": str(sentence)})
        messages.add_message(request, messages.SUCCESS if ok else messages.ERROR, sentence)
        return redirect("admin:bots_aiprovider_change", provider.pk)

    def models_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The provider's own list, to tick what is to be used here."""
        provider = self.opened(request, object_id)
        if not may_add_models(request.user, provider):
            raise PermissionDenied
        try:
            found = offers.offered_by(provider)
        except NoAnswer as failure:
            messages.error(request, str(failure))
            return redirect("admin:bots_aiprovider_change", provider.pk)
        if request.method == "POST":
            return self._add(request, provider, found)
        known = set(provider.models.filter(archived_at=None).values_list("name", flat=True))
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "original": provider, "provider": provider,
            "media": self.media,
            "title": _("Models of %(name)s") % {"name": provider}, "offers": [_line(offer, known) for offer in found],
        }  # fmt: skip
        return render(request, "admin/fetch_models.html", context)

    def _add(self, request: HttpRequest, provider: AIProvider, found: list[OfferedModel]) -> HttpResponse:
        ticked = set(request.POST.getlist("name"))
        rows = offers.adopt(provider, [offer for offer in found if offer.name in ticked])
        for row in rows:
            self.log_addition(request, row, [{"added": {}}])
        if not rows:
            messages.warning(request, _("Nothing was ticked that is not here already."))
            return redirect("admin:bots_aiprovider_models", provider.pk)
        names = ", ".join(str(row) for row in rows[:5]) + (" …" if len(rows) > 5 else "")
        messages.success(request, _("Added: %(names)s. Bots and channels can use them now.") % {"names": names})
        return redirect("admin:bots_aimodel_changelist")


def may_test(user: Any, provider: AIProvider) -> bool:
    """Asking changes nothing: what serves all may be asked by whoever runs a workspace."""
    if provider.workspace_id is None:
        return bool(user.has_perm("bots.change_aiprovider"))
    return roles.in_workspace(user, provider.workspace_id, "bots.change_aiprovider")


def may_add_models(user: Any, provider: AIProvider) -> bool:
    return roles.in_workspace(user, provider.workspace_id, "bots.add_aimodel")


def _line(offer: OfferedModel, known: set[str]) -> dict[str, Any]:
    """One row of the list."""
    price = offer.price and f"${plain(offer.price.input)} / ${plain(offer.price.output)}"
    return {"offer": offer, "is_known": offer.name in known, "price": price or ""}
