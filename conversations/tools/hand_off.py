"""The way out: a person of the team instead of the bot."""

from __future__ import annotations

import uuid

from bots.tools.base import ToolContext, ToolError, tool
from conversations import ownership


@tool(effects="idempotent")
def hand_off(ctx: ToolContext) -> str:
    """Call a person of the team, who answers from now on. Use it when the person asks for a human, complains, or needs
    what you cannot do or must not decide. Say in one sentence that somebody will come.
    """
    try:
        is_called = ownership.ask_for_person(uuid.UUID(ctx.conversation_id or ""))
    except ValueError:  # no conversation of ours, as in a trial of the tool
        is_called = False
    if not is_called:
        raise ToolError("Nobody can be called in this conversation.")
    return "A person of the team was called and will answer here. Your next message is your last one for now."
