"""What the team does on the pages of conversations and people: each a POST, allowed by the row's workspace, and told
in the row's history."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from bots import roles
from conversations import blocking, ownership
from conversations.admin.notes import NoteForm
from conversations.models import Conversation, Note, Person

View = Callable[..., HttpResponse]


class Refused(Exception):
    """Nothing was done; the text says why."""


def on(model: Any, permission: str) -> Callable[[Callable[[HttpRequest, Any], str]], View]:
    """A view of what is done to one row, from a function that returns what was done, or raises Refused."""

    def wrap(work: Callable[[HttpRequest, Any], str]) -> View:
        @require_POST
        @wraps(work)
        def view(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
            row = get_object_or_404(model.objects.for_actor(request.user), pk=pk)
            if not roles.in_workspace(request.user, row.workspace_id, permission):
                raise PermissionDenied
            try:
                done = work(request, row)
            except Refused as refused:
                messages.error(request, str(refused))
                return redirect(_back(request, row))
            user: Any = request.user
            LogEntry.objects.log_actions(user.pk, [row], CHANGE, done, single_object=True)
            messages.success(request, done)
            return redirect(_back(request, row))

        return view

    return wrap


on_conversation = on(Conversation, "conversations.change_conversation")
on_person = on(Person, "conversations.change_person")


@on_conversation
def end(request: HttpRequest, row: Conversation) -> str:
    """Nobody answers in it any more; the person's next message begins another."""
    _unless_over(ownership.end, row.pk)
    return _("Ended the conversation.")


@on_conversation
def take(request: HttpRequest, row: Conversation) -> str:
    """The bot is silent, this member of staff answers."""
    _unless_over(ownership.take, row.pk, request.user)
    return _("Took over from the bot.")


@on_conversation
def hand_back(request: HttpRequest, row: Conversation) -> str:
    """The bot answers again."""
    _unless_over(ownership.hand_back, row.pk, request.user)
    return _("Handed back to the bot.")


@on_conversation
def note_on_conversation(request: HttpRequest, row: Conversation) -> str:
    """Written down for the team."""
    return _note(request, row.chat_user.person, row)


@on_person
def note_on_person(request: HttpRequest, row: Person) -> str:
    """The same, about no conversation in particular."""
    return _note(request, row, None)


@on_person
def block(request: HttpRequest, row: Person) -> str:
    """What they write is stored and not answered."""
    if not blocking.block(row.pk):
        raise Refused(_("This person is blocked already."))
    return _("Blocked the person.")


@on_person
def unblock(request: HttpRequest, row: Person) -> str:
    """They are answered again."""
    if not blocking.unblock(row.pk):
        raise Refused(_("This person is not blocked."))
    return _("Unblocked the person.")


def _note(request: HttpRequest, person: Person, conversation: Conversation | None) -> str:
    form = NoteForm(request.POST)
    if not form.is_valid():
        raise Refused(" ".join(f"{_('Note')}: {fault}" for fault in form.errors["text"]))
    author: Any = request.user
    Note.objects.create(person=person, conversation=conversation, author=author, text=form.cleaned_data["text"])
    return _("Wrote a note.")


def _unless_over(work: Callable[..., Any], *arguments: Any) -> None:
    try:
        work(*arguments)
    except ownership.Over:
        raise Refused(_("This conversation is over.")) from None


def _back(request: HttpRequest, row: Any) -> str:
    """The page that asked, if it is one of ours; else the row's."""
    wanted = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return wanted
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
