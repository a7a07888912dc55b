from django.utils.translation import gettext as _

from conversations.accept import end
from conversations.commands.base import command
from conversations.models import Turn


@command(aliases=("reset",), ends=True)
def new(turn: Turn, args: str) -> str:
    """Start a new conversation (also /reset)."""
    end(turn.conversation_id)
    return _("That is closed. Your next message starts a new conversation.")
