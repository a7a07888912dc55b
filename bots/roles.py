"""What members of staff may do, by their role in a workspace. The table is the truth; `migrate` writes it to groups."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth.backends import BaseBackend, ModelBackend

from bots.models import Membership, Workspace

Role = Membership.Role
READ = ("view",)
WRITE = ("view", "add", "change")
ALL = (*WRITE, "delete")

# app.model: what may be done with it. `delete` stands where a row may really go; others are archived or kept.
ANALYST: Mapping[str, Iterable[str]] = {
    "bots.bot": READ,
    "channels_integrations.channelconfig": READ,
    "conversations.conversation": READ,
    "conversations.message": READ,
    "conversations.modelcall": READ,
    "conversations.person": READ,
    "conversations.chatuser": READ,
}
OPERATOR: Mapping[str, Iterable[str]] = {
    "bots.bot": READ,
    "channels_integrations.channelconfig": READ,
    "conversations.conversation": ("view", "change"),
    "conversations.message": READ,
    "conversations.modelcall": READ,
    "conversations.person": ("view", "change"),
    "conversations.chatuser": READ,
    "conversations.cannedanswer": ALL,
}
ADMINISTRATOR: Mapping[str, Iterable[str]] = {
    **OPERATOR,
    "bots.aiprovider": WRITE,
    "bots.aimodel": WRITE,
    "bots.modelprice": WRITE,
    "bots.apikey": WRITE,
    "bots.bot": WRITE,
    "bots.promptversion": READ,
    "channels_integrations.channelconfig": WRITE,
    "channels_integrations.featureflag": ALL,
    "channels_integrations.rawevent": READ,
    "conversations.turn": READ,
    "conversations.delivery": READ,
    "conversations.toolcall": READ,
}
TABLE: Mapping[str, Mapping[str, Iterable[str]]] = {
    Role.ADMINISTRATOR: ADMINISTRATOR, Role.OPERATOR: OPERATOR, Role.ANALYST: ANALYST,
}  # fmt: skip


def names(role: str) -> frozenset[str]:
    """A role's permissions as Django names them: "bots.change_bot"."""
    return frozenset(
        f"{app}.{verb}_{model}"
        for place, verbs in TABLE.get(role, {}).items()
        for app, model in [place.split(".")]
        for verb in verbs
    )


def apply(**_: Any) -> None:
    """A group a role, with exactly the table's permissions. After `migrate`: before it they do not exist."""
    from django.contrib.auth.models import Group, Permission

    for role in TABLE:
        group, _made = Group.objects.get_or_create(name=Role(role).label)
        wanted = {tuple(name.split(".")) for name in names(role)}
        rows = Permission.objects.select_related("content_type").filter(
            codename__in={codename for _app, codename in wanted}
        )
        group.permissions.set([row for row in rows if (row.content_type.app_label, row.codename) in wanted])


def in_workspace(user: Any, workspace_id: uuid.UUID | None, permission: str) -> bool:
    """Whether the user may do this in this very workspace: by their role there, or by a right given to them by name.

    None: what belongs to all workspaces is not a role's.
    """
    if ModelBackend().has_perm(user, permission):
        return True
    return workspace_id is not None and any(
        permission in names(role) for workspace, role in _memberships(user) if workspace == workspace_id
    )


def workspaces(user: Any, permission: str = "") -> list[uuid.UUID]:
    """The workspaces in which the user may do this; "": in which they have any part."""
    rows = Workspace.objects.for_actor(user).values_list("pk", flat=True)
    return [key for key in rows if not permission or in_workspace(user, key, permission)]


def _memberships(user: Any) -> list[tuple[uuid.UUID, str]]:
    """Asked once a request: the user object lives as long."""
    if not hasattr(user, "_memberships"):
        rows = Membership.objects.filter(user_id=user.pk) if user.pk and user.is_active and user.is_staff else []
        user._memberships = [(row.workspace_id, row.role) for row in rows]
    found: list[tuple[uuid.UUID, str]] = user._memberships
    return found


class RoleBackend(BaseBackend):
    """Gives members of staff what their roles allow in any of their workspaces; which rows, `for_actor` says."""

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return any(name.startswith(f"{app_label}.") for name in self.get_user_permissions(user_obj))

    def get_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        if obj is not None:
            return set()
        return {name for _workspace, role in _memberships(user_obj) for name in names(role)}
