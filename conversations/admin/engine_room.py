"""For whoever runs the engine: turns, calls of models, deliveries and raw events; what was given up, to try again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from channels_integrations.models import RawEvent
from conversations.admin import cost, standing
from conversations.admin.ledger import LedgerAdmin, ReadOnly
from conversations.models import Delivery, ModelCall, Turn
from conversations.undone import replay


class EngineRoom(ReadOnly, LedgerAdmin):
    """Rows of the ledger by state, newest first; what was given up can be tried again."""

    kind = ""
    words: Any = staticmethod(standing.of_turn)
    list_filter: Any = ("state",)
    actions = ("try_again",)

    @admin.display(description=_("state"))
    def stands(self, obj: Any) -> str:
        """In words that the chat's page uses too."""
        return str(self.words(obj.state))

    @admin.action(description=_("Try again what was given up"))
    def try_again(self, request: HttpRequest, queryset: Any) -> None:
        """Only rows that were given up: others are passed over."""
        count = replay(self.kind, queryset.values_list("pk", flat=True))
        messages.info(request, _("%(count)d will be tried again.") % {"count": count})


@admin.register(Turn)
class TurnAdmin(EngineRoom):
    none_yet = _("There is none yet. A turn is the bot's duty to answer a message, and comes with it.")
    kind = "turns"
    list_display = ("conversation", "stands", "reason", "attempts", "created_at", "finished_at")
    list_select_related = ("conversation",)


class CallFilter(admin.SimpleListFilter):
    """Calls that failed, which are few."""

    title = _("outcome")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("failed", _("failed"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.exclude(error="") if self.value() == "failed" else queryset


@admin.register(ModelCall)
class ModelCallAdmin(ReadOnly, LedgerAdmin):
    none_yet = _("There is none yet. Each answer that a model gives stands here, with its tokens and its cost.")
    list_display = ("created_at", "model_name", "chosen", "input_tokens", "output_tokens", "cost", "seconds", "error")
    fields = (
        "created_at", "conversation", "turn", "bot", "channel", "model_name", "chosen", "prompt_version", "attempt",
        "round", "input_tokens", "cached_tokens", "output_tokens", "estimated", "cost", "seconds", "first_token_ms",
        "finish_reason", "error", "is_test",
    )  # fmt: skip
    readonly_fields = ("chosen", "cost", "seconds")
    list_filter = (CallFilter,)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The report adds them up for everybody; single ones are for whoever runs the engine."""
        return super().has_view_permission(request, obj) and request.user.has_perm("conversations.view_turn")

    @admin.display(description=_("chosen by"))
    def chosen(self, obj: Any) -> str:
        return standing.of_level(obj.level)

    @admin.display(description=_("seconds"))
    def seconds(self, obj: Any) -> str:
        return f"{obj.latency_ms / 1000:.1f}"

    @admin.display(description=_("cost"))
    def cost(self, obj: Any) -> str:
        """In dollars."""
        return cost.shown(obj.cost_nanodollars)


@admin.register(Delivery)
class DeliveryAdmin(EngineRoom):
    none_yet = _("There is none yet. Answers on the way to a platform stand here; the web chat needs none.")
    kind = "deliveries"
    words = staticmethod(standing.of_delivery)
    list_display = ("conversation", "piece", "stands", "doubt", "reason", "attempts", "created_at", "sent_at")
    list_select_related = ("message__conversation",)

    @admin.display(description=_("conversation"))
    def conversation(self, obj: Any) -> str:
        return str(obj.message.conversation)

    @admin.display(description=_("part"))
    def piece(self, obj: Any) -> str:
        """Of which of its messages, and which part of that."""
        return str(_("message %(seq)d, part %(part)d") % {"seq": obj.message.seq, "part": obj.part + 1})

    @admin.display(description=_("arrived twice?"))
    def doubt(self, obj: Any) -> str:
        return str(_("perhaps")) if obj.ambiguous else ""


@admin.register(RawEvent)
class RawEventAdmin(EngineRoom):
    none_yet = _("There is none yet. What platforms send to the channels' webhook addresses stands here, as it came.")
    kind = "events"
    words = staticmethod(standing.of_event)
    list_display = ("channel", "stands", "reason", "attempts", "received_at")
    list_select_related = ("channel",)
    exclude = ("body", "headers")
