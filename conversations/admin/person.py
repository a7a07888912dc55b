"""People: who they are on which channel, what they prefer, what they said, what the team wrote down, and the block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Count, Max, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.translation import gettext_lazy as _

from bots.admin.scoped import ScopedTabularInline
from conversations.admin import actions, notes, search, standing, talks
from conversations.admin.ledger import LedgerAdmin, ReadOnly
from conversations.models import ChatUser, Conversation, Person
from conversations.models.conversation import no_test

ACTIONS = {"block": actions.block, "unblock": actions.unblock, "note": actions.note_on_person}
SHOWN = 20  # conversations on a person's page


class ChatUserInline(ReadOnly, ScopedTabularInline):
    model = ChatUser
    fields = readonly_fields = ("channel", "username", "known_as", "created_at")
    verbose_name_plural = _("Accounts")

    @admin.display(description=_("id"))
    def known_as(self, obj: Any) -> str:
        return str(obj.external_id)


class BlockedFilter(admin.SimpleListFilter):
    title = _("blocked")
    parameter_name = "blocked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("blocked"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(blocked_at__isnull=False) if self.value() == "yes" else queryset


@admin.register(Person)
class PersonAdmin(LedgerAdmin):
    none_yet = _("Nobody yet. A person comes with their first message, on whatever channel.")
    list_display = ("__str__", "accounts", "first_seen", "last_seen", "conversations", "blocked")
    list_filter = (BlockedFilter,)
    search_fields = ("name",)
    search_help_text = _("Name, or id on a channel")
    list_before_template = "admin/newest_first.html"
    fields = ("name", "language", "timezone", "preferred_model", "user")
    autocomplete_fields = ("user",)
    inlines = (ChatUserInline,)
    change_form_outer_after_template = "admin/person.html"

    def get_urls(self) -> Any:
        wrap = self.admin_site.admin_view
        own = [path(f"<uuid:pk>/{name}/", wrap(view), name=f"conversations_person_{name}")
               for name, view in ACTIONS.items()]  # fmt: skip
        return [*own, *super().get_urls()]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A person comes with their first message."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Whose account it is gives rights to a chat: not every member of staff may say so."""
        return () if request.user.is_superuser else ("user",)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Without those who stand for staff that try a bot or a channel."""
        rows = queryset.filter(no_test())
        return (search.people(request.user, rows, search_term) if search_term else rows), False

    def complete(self, rows: Sequence[Any]) -> None:
        """Accounts, how many conversations, and when the last was."""
        accounts: dict[Any, list[str]] = {}
        users = ChatUser.objects.filter(person__in=rows).select_related("channel").order_by("pk")
        for user in users:
            accounts.setdefault(user.person_id, []).append(user.channel.name)
        talked = Conversation.objects.filter(chat_user__person__in=rows).values_list("chat_user__person")
        counts = {person: found for person, *found in talked.annotate(Count("pk"), Max("last_activity"))}
        for row in rows:
            row.accounts = ", ".join(dict.fromkeys(accounts.get(row.pk, [])))
            row.conversations, row.last_seen = counts.get(row.pk, (0, None))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The form, and below it what is no part of it."""
        person = self.get_object(request, object_id)
        more = self._around(request, person) if person and self.has_view_permission(request, person) else {}
        page: HttpResponse = super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})
        return page

    def _around(self, request: HttpRequest, person: Any) -> dict[str, Any]:
        rows = Conversation.objects.filter(chat_user__person=person).select_related("bot", "channel", "assigned_to")
        talked = list(rows.order_by("-pk")[: SHOWN + 1])
        talks.complete(talked[:SHOWN])
        may_read = request.user.has_perm("conversations.view_conversation")
        return {
            "person": person,
            "talked": [(row, standing.of_conversation(row)) for row in talked[:SHOWN]] if may_read else [],
            "more_talked": len(talked) > SHOWN,
            "notes": notes.about(person),
            "note_form": notes.NoteForm(),
            "may_block": self.has_change_permission(request, person),
        }

    @admin.display(description=_("channels"))
    def accounts(self, obj: Any) -> str:
        return str(obj.accounts)

    @admin.display(description=_("first seen"))
    def first_seen(self, obj: Any) -> Any:
        return obj.created_at

    @admin.display(description=_("last seen"))
    def last_seen(self, obj: Any) -> Any:
        return obj.last_seen

    @admin.display(description=_("conversations"))
    def conversations(self, obj: Any) -> int:
        return int(obj.conversations)

    @admin.display(description=_("blocked"))
    def blocked(self, obj: Any) -> str:
        return str(_("blocked")) if obj.blocked_at else ""
