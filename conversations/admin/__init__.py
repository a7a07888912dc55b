"""What staff see of this app: conversations, to read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from bots.admin.scoped import ScopedModelAdmin, ScopedTabularInline
from conversations.models import Conversation, Message


class ReadOnly:
    """Rows of the ledger are never edited here."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


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
