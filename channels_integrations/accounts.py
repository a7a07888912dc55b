"""Accounts of platforms that the environment gives, as channels. Followed at every start, as providers are."""

from __future__ import annotations

import json

from django.conf import settings
from pydantic import SecretStr

from bots.fields import Unreadable
from bots.models import Bot, Workspace
from bots.models.provider import Source
from channels_integrations.base import Adapter, adapters
from channels_integrations.models import ChannelConfig
from channels_integrations.setup import has_twin

TOKENS = {"telegram": "TELEGRAM_BOT_TOKEN", "discord": "DISCORD_BOT_TOKEN"}


def sync(*, retire: bool = True) -> None:
    """A channel for each token, for the workspace's first bot; where staff gave it to another, that one keeps it.

    `retire`: switch off what the environment no longer gives.
    """
    for kind, variable in TOKENS.items():
        token = getattr(settings, variable)
        given = ChannelConfig.objects.filter(kind=kind, source=Source.ENVIRONMENT)
        if token and kind in adapters:
            _give(kind, token)
        elif retire:
            given.filter(is_active=True).update(is_active=False)


def _give(kind: str, token: str) -> None:
    workspace = Workspace.default()
    bot = Bot.objects.filter(workspace=workspace, archived_at=None).order_by("created_at").first()
    if bot is None:
        return  # there will be one: the next start looks again
    given = ChannelConfig.objects.filter(kind=kind, source=Source.ENVIRONMENT)
    if not given.exists() and has_twin(_adapter(kind, token)):
        return  # staff made a channel of this very account
    secrets = json.dumps({"token": token})
    made = {
        "workspace": workspace, "bot": bot, "slug": _free_slug(kind), "name": adapters[kind].label,
        "credentials": secrets,
    }  # fmt: skip
    row, is_new = ChannelConfig.objects.get_or_create(kind=kind, source=Source.ENVIRONMENT, defaults=made)
    if is_new or (row.is_active and _sealed(row) == secrets):
        return
    row.credentials, row.is_active, row.archived_at = secrets, True, None
    row.save()


def _adapter(kind: str, token: str) -> Adapter:
    cls = adapters[kind]
    return cls(cls.Config.model_construct(token=SecretStr(token)))


def _sealed(row: ChannelConfig) -> str:
    """The secrets it has; "" where no key opens them any more: they are sealed anew."""
    try:
        return row.credentials.reveal() if row.credentials else ""
    except Unreadable:
        return ""


def _free_slug(kind: str) -> str:
    taken = ChannelConfig.objects.filter(slug=kind).exists()
    return f"{kind}-environment" if taken else kind
