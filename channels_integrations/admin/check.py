"""The button "Check this channel": what its platform says of it, each finding with its mend."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from channels_integrations import connecting
from channels_integrations.base import Account, Finding
from channels_integrations.models import ChannelConfig


def check(admin: Any, request: HttpRequest, object_id: Any) -> HttpResponse:
    """Asks the platform, outside of any transaction."""
    channel = admin.get_object(request, str(object_id))
    if channel is None:
        raise Http404(f"no channel {object_id!r}")
    if not admin.has_change_permission(request, channel):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    findings = connecting.diagnose(channel)
    wrong = sum(not finding.ok for finding in findings)
    told = ngettext("%(count)d thing to mend.", "%(count)d things to mend.", wrong) % {"count": wrong}
    text = told if wrong else _("Everything is as it should be.")
    if not request.accepts("text/html"):
        shown = [{"ok": found.ok, "text": f"{found.check}: {found.message}", "mend": found.mend} for found in findings]
        return JsonResponse({"state": "failed" if wrong else "sent", "text": text, "findings": shown})
    for finding in findings:
        messages.add_message(request, messages.SUCCESS if finding.ok else messages.WARNING, _line(finding))
    return redirect("admin:channels_integrations_channelconfig_change", channel.pk)


def try_account(request: HttpRequest, channel: ChannelConfig) -> None:
    """Says who we are on the platform, after what was saved is in force; or what is wrong with it."""
    found = connecting.connect(channel)
    if isinstance(found, Account):
        messages.success(request, _("Connected as %(name)s.") % {"name": found.name})
    elif found:
        messages.warning(request, found)


def _line(finding: Finding) -> str:
    said = f"{finding.check}: {finding.message}"
    return f"{said.rstrip('.')}. {finding.mend}" if finding.mend else said
