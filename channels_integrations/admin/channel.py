"""Channels: what a platform needs, where people find them, a switch for a break, and a test message."""

from __future__ import annotations

import functools
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from bots import roles
from bots.admin.scoped import ScopedModelAdmin
from bots.models import Bot
from bots.remember import forget
from channels_integrations import probe
from channels_integrations.admin.check import check, try_account
from channels_integrations.admin.listening import listening
from channels_integrations.base import (
    Adapter,
    ConnectingAdapter,
    DiagnosableAdapter,
    EmbeddableAdapter,
    GatewayAdapter,
    SendingAdapter,
    WebhookAdapter,
    adapters,
)
from channels_integrations.config_form import ChannelForm, PlatformForm, config_boxes, form_for
from channels_integrations.flag_form import own_boxes
from channels_integrations.models import ChannelConfig, FeatureFlag
from channels_integrations.setup import Misconfigured, adapter_of

OTHER = "-"  # chosen instead of a known chat: no platform has one of this id
CHANGE = "admin:channels_integrations_channelconfig_change"


@admin.register(ChannelConfig)
class ChannelAdmin(ScopedModelAdmin):
    list_display = ("name", "platform", "bot", "model_here", "state")
    list_select_related = ("bot", "default_model__provider")
    list_filter = ("kind", "is_active")
    search_fields = ("name", "slug", "bot__name")
    ordering = ("name", "slug")
    none_yet = gettext_lazy(
        "There is no channel yet. A channel is where people reach a bot: a web chat takes a minute, and no account."
    )
    change_form_outer_after_template = "admin/channel_probe.html"
    prepopulated_fields = {"slug": ("name",)}
    readonly_fields = ("address", "snippet", "state")
    actions = ("switch_off", "switch_on")

    class Media:
        js = ("staff/copy.js", "staff/probe.js")

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).prefetch_related("listeners__gateway")

    def get_urls(self) -> Any:
        view, name = self.admin_site.admin_view, "channels_integrations_channelconfig"
        return [
            path("<uuid:object_id>/test/", view(self.test), name=f"{name}_test"),
            path("<uuid:object_id>/check/", view(functools.partial(check, self)), name=f"{name}_check"),
            *super().get_urls(),
        ]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """What the platform asks for comes with the second step, as for a new user's rights."""
        form = form_for(obj.kind, with_flags=_may_set_flags(request, obj)) if obj else ChannelForm
        return super().get_form(request, obj, change, **{"form": form, **kwargs})

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A channel stays on its platform."""
        known = super().get_readonly_fields(request, obj)
        return ("kind", *known) if obj else known

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What most begin with: a page of one's own, and the only bot there is."""
        first = next((kind for kind, cls in adapters.items() if issubclass(cls, EmbeddableAdapter)), None)
        bots = Bot.objects.for_actor(request.user).filter(archived_at=None).values_list("pk", flat=True)[:2]
        only = {"bot": bots[0]} if len(bots) == 1 else {}
        return {"kind": first, **only, **super().get_changeform_initial_data(request)}

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who answers, where people find it, what the platform needs, a break, flags; only the first for a new one."""
        workspace = [] if "workspace" in (self.get_exclude(request, obj) or ()) else ["workspace"]
        own = [*(["state"] if obj else []), "name", "kind", "bot", "slug", "is_active", *workspace]
        groups: list[Any] = [(None, {"fields": own, "description": "" if obj else _first_step(request)})]
        if obj is None:
            return groups
        may = self.has_change_permission(request, obj)
        if may and config_boxes(obj.kind):
            groups.append((adapters[obj.kind].label, {"fields": config_boxes(obj.kind)}))
        groups += [
            (_("Where people find it"), {"fields": ["address", *(["snippet"] if _embeds(obj) else [])]}),
            (_("What is different here"), {"fields": ["default_model", "prompt"]}),
        ]
        groups.append((_("Take a break"), {"fields": ["is_paused", "pause_message"]}))
        if may and obj.kind in adapters and _may_set_flags(request, obj):
            groups.append((_("Feature flags of this channel"), {"fields": list(own_boxes())}))
        return groups

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        obj = kwargs.get("obj")
        if obj is not None and self.has_change_permission(request, obj):
            context["probe"] = {
                "sends": issubclass(_adapter_class(obj), SendingAdapter),
                "chats": probe.chats(obj.pk, request.user),
                "other": OTHER,
                "page": _page(obj),
                "address": reverse("admin:channels_integrations_channelconfig_test", args=[obj.pk]),
                "check": reverse("admin:channels_integrations_channelconfig_check", args=[obj.pk])
                if issubclass(_adapter_class(obj), DiagnosableAdapter)
                else "",
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> Any:
        """A new channel is filled in next, where its address is told too."""
        if "_addanother" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        platform = _adapter_class(obj).label
        told = (
            _("Now fill in what %(platform)s needs.") % {"platform": platform}
            if config_boxes(obj.kind)
            else _("The channel is there.")
        )
        messages.info(request, told)
        return redirect(CHANGE, obj.pk)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        changed = form.flags_changed() if isinstance(form, PlatformForm) else {}
        for name, value in changed.items():
            FeatureFlag.objects.put(
                name, value, workspace_id=obj.workspace_id, channel_id=obj.pk, who=request.user
            )  # fmt: skip
        if change and obj.is_active and issubclass(_adapter_class(obj), ConnectingAdapter):
            transaction.on_commit(functools.partial(try_account, request, obj))

    def test(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        """Sends a test message, outside of any transaction, and says what became of it."""
        channel = self.get_object(request, str(object_id))
        if channel is None:
            raise Http404(f"no channel {object_id!r}")
        if not self.has_change_permission(request, channel):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        chosen = request.POST.get("chat", "").strip()
        chat = request.POST.get("chat_id", "").strip() or ("" if chosen == OTHER else chosen)
        told = probe.send(channel.pk, chat, request.POST.get("text", ""), request.user)
        if request.accepts("text/html"):
            level = messages.SUCCESS if told.state == "sent" else messages.WARNING
            messages.add_message(request, level, _sentence(told))
            return redirect(CHANGE, channel.pk)
        return JsonResponse({"state": told.state, "text": _sentence(told)})

    @admin.action(description=gettext_lazy("Switch off for now, and tell who writes"), permissions=["change"])
    def switch_off(self, request: HttpRequest, queryset: Any) -> None:
        self._switch(request, queryset.filter(paused_at=None), timezone.now())

    @admin.action(description=gettext_lazy("Switch on again"), permissions=["change"])
    def switch_on(self, request: HttpRequest, queryset: Any) -> None:
        self._switch(request, queryset.exclude(paused_at=None), None)

    def _switch(self, request: HttpRequest, rows: Any, paused_at: Any) -> None:
        """Whatever else is wrong with a channel: it must be possible to stop it."""
        mine = [row for row in rows if self.has_change_permission(request, row)]
        ChannelConfig.objects.filter(pk__in=[row.pk for row in mine]).update(paused_at=paused_at)
        forget()
        for row in mine:
            self.log_change(request, row, "Switched off for now." if paused_at else "Switched on again.")
        off = ngettext("%(count)d channel is switched off.", "%(count)d channels are switched off.", len(mine))
        on = ngettext("%(count)d channel is on again.", "%(count)d channels are on again.", len(mine))
        messages.info(request, (off if paused_at else on) % {"count": len(mine)})

    @admin.display(description=gettext_lazy("platform"), ordering="kind")
    def platform(self, obj: Any) -> str:
        """Its name for people."""
        return adapters[obj.kind].label if obj.kind in adapters else obj.kind

    @admin.display(description=gettext_lazy("model"))
    def model_here(self, obj: Any) -> str:
        """Which model answers there, unless a person or a conversation chose another."""
        return str(obj.default_model) if obj.default_model else _("the bot's")

    @admin.display(description=gettext_lazy("state"))
    def state(self, obj: Any) -> str:
        """Whether people are answered there; if not, why."""
        if not obj.is_active:
            return _("Not in use: nobody can reach it.")
        try:
            adapter_of(obj.pk)
        except Misconfigured as error:
            return _("Not set up yet. %(fault)s") % {"fault": error}
        if obj.fault:
            return str(obj.fault)
        if obj.paused_at:
            since = timezone.localtime(obj.paused_at)
            return _("Switched off since %(when)s.") % {"when": since.strftime("%d %b %H:%M")}
        return listening(obj) if issubclass(_adapter_class(obj), GatewayAdapter) else _("On.")

    @admin.display(description=gettext_lazy("address"))
    def address(self, obj: Any) -> str:
        """Where people or their platform reach it, with a button that copies it."""
        if issubclass(_adapter_class(obj), GatewayAdapter):
            return obj.account or _("It is shown here once the account has been tried.")
        if issubclass(_adapter_class(obj), WebhookAdapter):
            told = _("Give it to %(platform)s as the address to call.") % {"platform": self.platform(obj)}
            return _copied(f"{_base()}{reverse('webhook', args=[obj.kind, obj.pk])}", told)
        if _page(obj):
            return _copied(_page(obj), _("Anybody who opens it can write."))
        return _("It has none of its own.")

    @admin.display(description=gettext_lazy("on a site of yours"))
    def snippet(self, obj: Any) -> str:
        """The HTML that shows this channel on a site, with a button that copies it."""
        adapter = _embeds(obj)
        if adapter is None:
            return "–"
        told = _("Paste it before </body>. Name the site below, under “Sites that may embed it”.")
        return _copied(adapter.snippet(obj.slug, _base()), told)


def _copied(text: str, told: str) -> SafeString:
    return format_html(
        '<code class="snippet">{}</code> <button type="button" class="button copy" data-copied="{}">{}</button>'
        '<div class="help">{}</div>',
        text, _("Copied"), _("Copy"), told,
    )  # fmt: skip


def _sentence(told: probe.Told) -> str:
    """What became of a test message, in words."""
    said = {
        "sent": _("Sent: the platform took it."),
        "refused": _("Not sent."),
        "failed": _("Not sent: the platform refused it."),
        "waiting": _("Not sent yet; it is tried again for two minutes."),
        "unknown": _("The platform did not say whether it took it. Look into the chat."),
    }[told.state]
    return f"{said} {told.reason}".strip()


def _first_step(request: HttpRequest) -> str:
    """What comes first, and what then."""
    if not Bot.objects.for_actor(request.user).filter(archived_at=None).exists():
        return format_html(
            '{} <a href="{}">{}</a>',
            _("A channel needs a bot that answers, and there is none yet."),
            reverse("admin:bots_bot_add"),
            _("Make a bot first."),
        )
    return _("Say what it is called, where people write, and who answers. Its settings come next.")


def _may_set_flags(request: HttpRequest, obj: Any) -> bool:
    return roles.in_workspace(request.user, obj.workspace_id, "channels_integrations.change_featureflag")


def _adapter_class(obj: Any) -> type[Adapter]:
    return adapters.get(obj.kind, Adapter)


def _embeds(obj: Any) -> EmbeddableAdapter | None:
    """The channel's driver, where it can be shown on a site and is set up."""
    try:
        adapter = adapter_of(obj.pk)
    except (Misconfigured, ObjectDoesNotExist):
        return None
    return adapter if isinstance(adapter, EmbeddableAdapter) else None


def _page(obj: Any) -> str:
    """The address of the channel's own page; "" where it has none."""
    adapter = _embeds(obj)
    return adapter.page(obj.slug, _base()) if adapter else ""


def _base() -> str:
    """Our address as others reach it; the one of `make run` where none is set."""
    return settings.PUBLIC_URL or f"http://127.0.0.1:{settings.PORT}"
