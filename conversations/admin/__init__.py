"""What staff see of this app: conversations, to read; what was given up, to try again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.urls import path
from django.utils.translation import gettext_lazy as _

from bots.admin.scoped import ScopedModelAdmin, ScopedTabularInline
from bots.models.price import dollars
from channels_integrations.models import RawEvent
from conversations.admin import inbox, trial
from conversations.models import ChatUser, Conversation, Delivery, Message, ModelCall, Person, Turn
from conversations.undone import replay


class ReadOnly:
    """Rows of the ledger are never edited here."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ChatUserInline(ReadOnly, ScopedTabularInline):
    model = ChatUser
    fields = ("channel", "username", "external_id", "created_at")


@admin.register(Person)
class PersonAdmin(ScopedModelAdmin):
    list_display = ("__str__", "language", "timezone", "preferred_model", "user", "created_at")
    list_select_related = ("preferred_model__provider", "user")
    search_fields = ("name",)
    ordering = ("-id",)
    fields = ("name", "language", "timezone", "preferred_model", "user")
    inlines = (ChatUserInline,)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A person comes with their first message."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Whose account it is gives rights to a chat: not every member of staff may say so."""
        return () if request.user.is_superuser else ("user",)


class MessageInline(ReadOnly, ScopedTabularInline):
    model = Message
    fields = ("seq", "role", "text", "model_used", "token_count", "feedback", "created_at")
    ordering = ("seq",)


@admin.register(Conversation)
class ConversationAdmin(ReadOnly, ScopedModelAdmin):
    list_display = ("title", "bot", "channel", "chat_user", "owner", "status", "last_activity")
    list_select_related = ("bot", "channel", "chat_user")
    list_filter = ("owner",)
    ordering = ("-id",)
    fields = ("title", "bot", "channel", "chat_user", "owner", "status", "model_override", "started_at", "ended_at")
    inlines = (MessageInline,)

    def get_urls(self) -> Any:
        wrap = self.admin_site.admin_view
        return [
            path("needs-a-person/", wrap(inbox.page), name="needs_a_person"),
            path("try-bot/<uuid:pk>/", wrap(trial.try_bot), name="try_bot"),
            *super().get_urls(),
        ]


class EngineRoom(ReadOnly, ScopedModelAdmin):
    """Rows of the ledger by state, newest first; what was given up can be tried again, or put aside."""

    kind = ""
    list_filter = ("state",)
    ordering = ("-pk",)
    actions = ("try_again",)
    show_full_result_count = False

    @admin.action(description=_("Try again what was given up"))
    def try_again(self, request: HttpRequest, queryset: Any) -> None:
        """Only rows that were given up: others are passed over."""
        count = replay(self.kind, queryset.values_list("pk", flat=True))
        messages.info(request, _("%(count)d will be tried again.") % {"count": count})


@admin.register(Turn)
class TurnAdmin(EngineRoom):
    kind = "turns"
    list_display = ("conversation", "state", "reason", "attempts", "created_at", "finished_at")
    list_select_related = ("conversation",)


@admin.register(ModelCall)
class ModelCallAdmin(ReadOnly, ScopedModelAdmin):
    list_display = ("created_at", "model_name", "level", "input_tokens", "output_tokens", "cost", "latency_ms", "error")
    ordering = ("-pk",)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The report adds them up for everybody; single ones are for whoever runs the engine."""
        return super().has_view_permission(request, obj) and request.user.has_perm("conversations.view_turn")

    @admin.display(description=_("cost"))
    def cost(self, obj: Any) -> str:
        """In dollars."""
        amount = dollars(obj.cost_nanodollars)
        return str(_("unknown")) if amount is None else f"${amount:.6f}"


@admin.register(Delivery)
class DeliveryAdmin(EngineRoom):
    kind = "deliveries"
    list_display = ("message", "part", "state", "ambiguous", "reason", "attempts", "created_at", "sent_at")
    list_select_related = ("message",)


@admin.register(RawEvent)
class RawEventAdmin(EngineRoom):
    kind = "events"
    list_display = ("channel", "state", "reason", "attempts", "received_at")
    list_select_related = ("channel",)
    exclude = ("body", "headers")
