"""What a caller reaches: an API key its workspace, or the bots it names there; a staff user what their roles allow."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Model, Q, QuerySet
from rest_framework.exceptions import PermissionDenied, ValidationError

from bots import roles
from bots.models import AIModel, ApiKey, Bot, Membership, Workspace
from channels_integrations.models import ChannelConfig, FeatureFlag
from conversations.models import Conversation

Caller = ApiKey | AbstractBaseUser


def limits_of(who: Caller) -> list[uuid.UUID]:
    """The bots that a key names; none: it is not limited to some."""
    return list(who.bots.values_list("pk", flat=True)) if isinstance(who, ApiKey) else []


def bots_within(who: Caller) -> QuerySet[Bot]:
    """Bots, in use or not."""
    rows: QuerySet[Bot] = _within(who, Bot, "pk")
    return rows.filter(archived_at=None)


def channels_within(who: Caller) -> QuerySet[ChannelConfig]:
    """Channels of those bots."""
    rows: QuerySet[ChannelConfig] = _within(who, ChannelConfig, "bot")
    return rows.filter(archived_at=None)


def flags_within(who: Caller) -> QuerySet[FeatureFlag]:
    """Flags of those channels and, unless the key is limited, of the workspace."""
    rows: QuerySet[FeatureFlag] = _within(who, FeatureFlag, "channel__bot")
    return rows.filter(Q(channel=None) | Q(channel__archived_at=None))


def models_within(who: Caller) -> QuerySet[AIModel]:
    """Models of the workspace, and those that serve all."""
    rows: QuerySet[AIModel] = _within(who, AIModel)
    return rows.filter(archived_at=None, provider__archived_at=None)


def conversations_within(who: Caller) -> QuerySet[Conversation]:
    """Conversations with those bots."""
    rows: QuerySet[Conversation] = _within(who, Conversation, "bot")
    return rows


def managed(who: Caller) -> QuerySet[Workspace]:
    """Workspaces that the caller may configure: a key's own, a superuser's all, an administrator's those."""
    rows: QuerySet[Workspace] = Workspace.objects.for_actor(who)
    if isinstance(who, ApiKey) or getattr(who, "is_superuser", False):
        return rows
    return rows.filter(memberships__user_id=who.pk, memberships__role=Membership.Role.ADMINISTRATOR)


def workspace_for(who: Caller, given: uuid.UUID | None) -> uuid.UUID:
    """The workspace of a new row: the one given, else the caller's only one. Raises ValidationError."""
    known = managed(who).filter(**({} if given is None else {"pk": given})).values_list("pk", flat=True)[:2]
    if len(known) == 1:
        return known[0]
    told = "Say which of your workspaces, by its id." if given is None else "No workspace of yours has this id."
    raise ValidationError({"workspace": [told]})


def check_manages(who: Caller, workspace_id: uuid.UUID | None) -> None:
    """Raises PermissionDenied unless the caller may change what belongs there. None: what belongs to all."""
    if workspace_id is None:
        if not getattr(who, "is_superuser", False) and Workspace.objects.count() > 1:
            raise PermissionDenied("This serves every workspace; a superuser changes it.")
    elif not managed(who).filter(pk=workspace_id).exists():
        raise PermissionDenied("In this workspace you may only read.")


def check_unlimited(who: Caller) -> None:
    """Raises PermissionDenied for a key that is limited to some bots, where others would be concerned."""
    if limits_of(who):
        raise PermissionDenied("This key is limited to some bots; that concerns others.")


def _within(who: Caller, model: type[Model], bot_path: str = "") -> Any:
    rows = model._default_manager.for_actor(who)  # type: ignore[attr-defined]
    if not isinstance(who, ApiKey):
        return rows.exclude(**{f"{rows.workspace_path}__in": _closed_to(who, model)})
    named = limits_of(who) if bot_path else []
    return rows.filter(**{f"{bot_path}__in": named}) if named else rows


def _closed_to(who: AbstractBaseUser, model: type[Model]) -> list[uuid.UUID]:
    """Workspaces where the user's role is too small to see such rows; in another it may be large enough."""
    permission = permission_to_see(model)
    theirs = Membership.objects.filter(user_id=who.pk).values_list("workspace_id", flat=True)
    return [workspace for workspace in theirs if not roles.in_workspace(who, workspace, permission)]


def permission_to_see(model: type[Model]) -> str:
    """As Django names it: "bots.view_bot"."""
    return f"{model._meta.app_label}.view_{model._meta.model_name}"
