"""What a new installation begins with: a bot to talk to."""

from __future__ import annotations

from django.db import transaction

from bots.models import Bot, Workspace
from channels_integrations.models import ChannelConfig

PROMPT = """You are the friendly guide to Switchboard, an open-source platform for AI chat bots.
Answer in the person's language, briefly, in Markdown. Use your tools for sums and for the time.
When you do not know something, say so."""


@transaction.atomic
def seed_demo() -> bool:
    """Whether the demo bot was made: only where there is no bot yet. Its model stays empty: DEFAULT_MODEL decides."""
    if Bot.objects.exists():
        return False
    workspace = Workspace.default()
    bot = Bot.objects.create(
        workspace=workspace,
        slug="demo",
        name="Demo",
        description="Shows what Switchboard does, without any key.",
        greeting="Hello! I am the demo bot. Ask me something, or type /help.",
        suggestions=["What can you do?", "What is 15 % of 80?", "How do I connect a real model?"],
        tools=["calculate", "get_datetime"],
    )
    bot.write_prompt(PROMPT)
    ChannelConfig.objects.create(workspace=workspace, bot=bot, kind="webchat", slug="demo", name="Web chat")
    return True
