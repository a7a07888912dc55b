"""The admin's look: six words for an operator, and the engine room for whoever runs it."""

from __future__ import annotations

from typing import Any

from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext_lazy as _

STAFF = ("/admin/", "/analytics/")  # where staff pages stand


def may(permission: str) -> Any:
    """Whether a person of staff sees an entry."""

    def asked(request: Any) -> bool:
        return bool(request.user.has_perm(permission))

    return asked


def _entry(title: Any, icon: str, model: str, **more: Any) -> dict[str, Any]:
    app, name = model.split(".")
    link = reverse_lazy(f"admin:{app}_{name}_changelist")
    return {"title": title, "icon": icon, "link": link, "permission": may(f"{app}.view_{name}"), **more}


def is_among_conversations(request: Any) -> bool:
    """The page of who waits stands below their list, and has an entry of its own."""
    path: str = request.path
    return path.startswith(reverse("admin:conversations_conversation_changelist")) and path != reverse(
        "admin:needs_a_person"
    )


ENTRIES: list[dict[str, Any]] = [
    {
        "items": [
            {"title": _("Today"), "icon": "today", "link": reverse_lazy("admin:index")},
            _entry(_("Conversations"), "forum", "conversations.conversation", active=is_among_conversations),
            {
                "title": _("Needs a person"), "icon": "support_agent",
                "link": reverse_lazy("admin:needs_a_person"),
                "permission": may("conversations.change_conversation"),
            },
            _entry(_("Bots"), "smart_toy", "bots.bot"),
            _entry(_("Channels"), "hub", "channels_integrations.channelconfig"),
            _entry(_("People"), "group", "conversations.person"),
            {
                "title": _("Reports"), "icon": "bar_chart", "link": "/analytics/",
                "permission": may("conversations.view_modelcall"),
            },
        ]
    },
    {
        "title": _("Settings"),
        "collapsible": True,
        "items": [
            _entry(_("Providers"), "cloud", "bots.aiprovider"),
            _entry(_("Models"), "psychology", "bots.aimodel"),
            _entry(_("Feature flags"), "flag", "channels_integrations.featureflag"),
            _entry(_("API keys"), "key", "bots.apikey"),
            _entry(_("Canned answers"), "quickreply", "conversations.cannedanswer"),
            _entry(_("Staff"), "badge", "auth.user"),
        ],
    },
    {
        "title": _("Engine room"),
        "collapsible": True,
        "items": [
            _entry(_("Turns"), "sync", "conversations.turn"),
            _entry(_("Deliveries"), "outbox", "conversations.delivery"),
            _entry(_("Raw events"), "webhook", "channels_integrations.rawevent"),
            _entry(
                _("Model calls"), "receipt_long", "conversations.modelcall",
                permission=may("conversations.view_turn"),
            ),
        ],
    },
]  # fmt: skip


def navigation(request: Any) -> list[dict[str, Any]]:
    """What this person may open; a heading without an entry is left out."""
    return [group for group in ENTRIES if any(item.get("permission", may_all)(request) for item in group["items"])]


def may_all(request: Any) -> bool:
    return True


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Switchboard",
    "SITE_HEADER": "Switchboard",
    "SITE_SYMBOL": "forum",
    "SITE_URL": "/",
    "SHOW_HISTORY": True,
    "STYLES": [lambda request: "/static/staff/staff.css"],
    "DASHBOARD_CALLBACK": "conversations.admin.dashboard.context",
    "COLORS": {
        "primary": {
            "50": "#eef5fc", "100": "#d9e8f7", "200": "#b5d1ef", "300": "#8fbdf0", "400": "#78aeea", "500": "#5a9be2",
            "600": "#1a5fb4", "700": "#164c90", "800": "#143f76", "900": "#143561", "950": "#0d2140",
        }
    },
    "SIDEBAR": {"navigation": "config.theme.navigation"},
}  # fmt: skip
