"""Conversations: the list, and one of them as a chat that goes on while it is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bots import roles
from conversations.admin import actions, filters, inbox, notes, search, standing, talks, transcript, trial
from conversations.admin.ledger import LedgerAdmin, ReadOnly
from conversations.models import Conversation

ACTIONS = {"end": actions.end, "take": actions.take, "hand_back": actions.hand_back,
           "note": actions.note_on_conversation}  # fmt: skip
PERSON = "chat_user__person"  # the filter by which a person's page leads here
WITH = ("bot", "channel", "chat_user__person", "assigned_to", "model_override__provider")


@admin.register(Conversation)
class ConversationAdmin(ReadOnly, LedgerAdmin):
    none_yet = _("Nobody has written yet. Open a channel, write to it, and the conversation stands here.")
    list_display = ("who", "bot", "channel", "last_words", "state", "messages", "last_activity", "cost")
    list_select_related = WITH[:4]
    list_filter = (
        filters.OwnerFilter, filters.FailedFilter, filters.BeganFilter, filters.BotFilter, filters.ChannelFilter,
        filters.TestFilter,
    )  # fmt: skip
    search_fields = ("pk",)  # shows the box; what is searched, `get_search_results` says
    search_help_text = _("Name, id on the channel, or conversation's id")
    list_before_template = "admin/newest_first.html"

    def get_urls(self) -> Any:
        wrap = self.admin_site.admin_view
        own = [path(f"<uuid:pk>/{name.replace('_', '-')}/", wrap(view), name=f"conversations_conversation_{name}")
               for name, view in ACTIONS.items()]  # fmt: skip
        return [
            path("needs-a-person/", wrap(inbox.page), name="needs_a_person"),
            path("try-bot/<uuid:pk>/", wrap(trial.try_bot), name="try_bot"),
            *own,
            *super().get_urls(),
        ]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return (search.conversations(request.user, queryset, search_term) if search_term else queryset), False

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        return lookup == PERSON or super().lookup_allowed(lookup, value, request)

    def complete(self, rows: Sequence[Any]) -> None:
        talks.complete(rows)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Not a form: a chat, of which `?part` brings what follows `after` alone, for the page's script."""
        conversation = self.get_object(request, unquote(object_id))
        if conversation is None:
            raise Http404("no such conversation")
        if request.method != "GET" or not self.has_view_permission(request, conversation):
            raise PermissionDenied
        part = "part" in request.GET
        context = {**self._facts(request, conversation), **({} if part else self._around(request, conversation))}
        return render(request, "admin/_talk.html" if part else "admin/conversation.html", context)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        return found and Conversation.objects.select_related(*WITH).get(pk=found.pk)

    def _facts(self, request: HttpRequest, conversation: Conversation) -> dict[str, Any]:
        """How it stands, and the lines asked for."""
        before, after = (_number(request.GET.get(name)) for name in ("before", "after"))
        engine = roles.in_workspace(request.user, conversation.workspace_id, "conversations.view_turn")
        return {
            "conversation": conversation,
            "person": conversation.chat_user.person,
            "state": standing.of_conversation(conversation),
            "may_act": roles.in_workspace(request.user, conversation.workspace_id, "conversations.change_conversation"),
            "may_block": roles.in_workspace(request.user, conversation.workspace_id, "conversations.change_person"),
            "talk": transcript.page_of(conversation, before=before, after=after, engine=engine),
            "is_newest": before is None,
        }

    def _around(self, request: HttpRequest, conversation: Conversation) -> dict[str, Any]:
        """The page around them."""
        talks.complete([conversation])
        return {
            **self.admin_site.each_context(request),
            "title": gettext("Conversation with %(name)s") % {"name": conversation.chat_user.person},
            "opts": self.opts,
            "original": conversation,
            "notes": notes.about(conversation.chat_user.person),
            "note_form": notes.NoteForm(),
        }

    @admin.display(description=_("who"))
    def who(self, obj: Any) -> str:
        """Test chats are marked: they are in no number."""
        name = str(obj.chat_user.person)
        return f"{name} ({gettext('test')})" if obj.is_test else name

    @admin.display(description=_("last words"))
    def last_words(self, obj: Any) -> str:
        return str(obj.last_words)

    @admin.display(description=_("state"))
    def state(self, obj: Any) -> str:
        return standing.of_conversation(obj)

    @admin.display(description=_("messages"))
    def messages(self, obj: Any) -> int:
        return int(obj.next_seq) - 1

    @admin.display(description=_("cost"))
    def cost(self, obj: Any) -> str:
        return str(obj.cost)


def _number(text: str | None) -> int | None:
    """A `seq`; None for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None
