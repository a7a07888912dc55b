"""What the judged are configured with: a bot, a chat, a channel of each sort."""

from __future__ import annotations

import json
from typing import Any

from django.core.management import call_command
from django.db import connection

from bots import environment, threads
from bots.models import Bot, Workspace
from channels_integrations.models import ChannelConfig
from tests.fakes.webhook_receiver import SECRET


def make(judge: str) -> dict[str, Any]:
    """Rows in a fresh database; the webhook channels' ids by kind."""
    connection.cursor().execute("SET idle_in_transaction_session_timeout = 0")  # a tenth is too short for migrations
    call_command("migrate", verbosity=0)
    environment.sync()
    workspace = Workspace.default()
    bot = Bot.objects.create(workspace=workspace, slug="demo", name="Demo", tools=["pay"])
    bot.write_prompt("You repeat what you are told.")
    ChannelConfig.objects.create(workspace=workspace, bot=bot, kind="webchat", slug="demo", name="Web chat")
    made = {}
    for kind, path in (("webhook", "keyed"), ("keyed", "keyed"), ("plain", "plain")):
        row = ChannelConfig(workspace=workspace, bot=bot, kind=kind, slug=kind, name=kind,
                            config={"url": f"{judge}/{path}"})  # fmt: skip
        row.credentials = json.dumps({"secret": SECRET})
        row.save()
        made[kind] = str(row.pk)
    threads.shutdown()
    return made


def open_channel(kind: str, slug: str, token: str, config: dict[str, Any]) -> str:
    """The id of a new channel of the only bot."""
    bot = Bot.objects.get()
    row = ChannelConfig(workspace=bot.workspace, bot=bot, kind=kind, slug=slug, name=slug, config=config)
    row.credentials = json.dumps({"token": token})
    row.save()
    threads.shutdown()
    return str(row.pk)
