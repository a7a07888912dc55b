"""A bot's prompts: what each save changed, two of them side by side, an earlier one in force again."""

from __future__ import annotations

import difflib
import re
import uuid
from typing import Any, Literal

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from bots import roles
from bots.models import Bot, PromptVersion
from bots.remember import forget

Piece = tuple[Literal["same", "added", "removed"], str]
LONGEST = 2_500  # lines, or words of a passage; what is longer is shown as removed and added whole


def history(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """All versions, newest first, and how one differs from another: `?old=3&new=5`, else from the one before."""
    bot = bot_of(request, pk, "bots.view_bot")
    versions = list(bot.prompt_versions.select_related("author"))
    new = _numbered(versions, request.GET.get("new")) or (versions[0] if versions else None)
    old = _numbered(versions, request.GET.get("old")) or _before(versions, new)
    context = {
        **admin.site.each_context(request),
        "title": _("Prompts of %(bot)s") % {"bot": bot},
        "bot": bot,
        "versions": versions,
        "old": old,
        "new": new,
        "pieces": compare(old.text if old else "", new.text) if new else [],
        "may_restore": roles.in_workspace(request.user, bot.workspace_id, "bots.change_bot"),
        "opts": Bot._meta,
        "original": bot,
    }
    return render(request, "admin/prompts.html", context)


@require_POST
def restore(request: HttpRequest, pk: uuid.UUID, number: int) -> HttpResponse:
    """An earlier text becomes the newest version; what was in force stays in the list."""
    bot = bot_of(request, pk, "bots.change_bot")
    version = bot.prompt_versions.filter(number=number).first()
    if version is None:
        raise Http404("no such version")
    made = bot.write_prompt(version.text, author=request.user)
    told = _("The text of version %(old)d is in force again, as version %(new)d.")
    said = told % {"old": number, "new": made.number}
    admin.site.get_model_admin(Bot).log_change(request, bot, said)
    forget()
    messages.success(request, said)
    return redirect("admin:bots_bot_prompts", bot.pk)


def compare(old: str, new: str) -> list[Piece]:
    """The texts in one, in pieces: by lines first, then word by word where lines were rewritten."""
    return [piece for piece in _pieces(old.splitlines(True), new.splitlines(True), by_word=True) if piece[1]]


def _pieces(old: list[str], new: list[str], *, by_word: bool) -> list[Piece]:
    found: list[Piece] = []
    if max(len(old), len(new)) > LONGEST:
        return [("removed", "".join(old)), ("added", "".join(new))]
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, come = "".join(old[a:b]), "".join(new[c:d])
        words = (_words(gone), _words(come)) if by_word and kind == "replace" else ([], [])
        if words[0]:
            found += _pieces(*words, by_word=False)
        elif kind == "equal":
            found.append(("same", gone))
        else:
            found += [("removed", gone), ("added", come)]
    return found


def _words(text: str) -> list[str]:
    return re.findall(r"\w+|\s+|[^\w\s]", text)


def bot_of(request: HttpRequest, pk: uuid.UUID, permission: str) -> Bot:
    """The bot, if the user may do this with it. Raises Http404."""
    bot: Bot | None = Bot.objects.for_actor(request.user).filter(pk=pk, archived_at=None).first()
    if bot is None or not roles.in_workspace(request.user, bot.workspace_id, permission):
        raise Http404("no such bot")
    return bot


def _numbered(versions: list[PromptVersion], number: Any) -> PromptVersion | None:
    return next((version for version in versions if str(version.number) == number), None)


def _before(versions: list[PromptVersion], new: PromptVersion | None) -> PromptVersion | None:
    return next((version for version in versions if new and version.number < new.number), None)
