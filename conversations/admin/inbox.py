"""The page where people of the team answer: who waits, what was said, and a box to write in."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from bots.admin.scoped import ScopedModelAdmin
from conversations.models import CannedAnswer


@admin.register(CannedAnswer)
class CannedAnswerAdmin(ScopedModelAdmin):
    none_yet = _("There is none yet. A canned answer is a text that the team chooses instead of typing it.")
    list_display = ("name", "text")
    search_fields = ("name", "text")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj) and self._allowed(request, obj, "delete")


def texts() -> dict[str, str]:
    """What the page's script says, by its own names."""
    return {
        "nobody": _("Nobody waits. Whoever asks for a person appears here by themselves."),
        "waiting": _("waits since %s"),
        "mine": _("answered by %s"),
        "offline": _("No connection. Trying again…"),
        "over": _("This conversation is over."),
        "visitor": _("Visitor"),
        "bot": _("Bot"),
    }


def page(request: HttpRequest) -> HttpResponse:
    """The page; 404 for staff who may not answer."""
    if not request.user.has_perm("conversations.change_conversation"):
        raise Http404("no such page")
    answers = CannedAnswer.objects.for_actor(request.user)
    context = {
        **admin.site.each_context(request),
        "title": _("Needs a person"),
        "canned": answers[:200],
        "texts_json": json.dumps(texts(), ensure_ascii=False),
    }
    return render(request, "admin/needs_a_person.html", context)
