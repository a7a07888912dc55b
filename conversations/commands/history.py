from django.utils.translation import gettext as _

from conversations.commands.base import command
from conversations.models import Conversation, Turn

SHOWN = 10


@command
def history(turn: Turn, args: str) -> str:
    """List your latest conversations."""
    mine = Conversation.objects.filter(chat_user=turn.conversation.chat_user).order_by("-id")[:SHOWN]
    lines = [f"- {c.started_at:%Y-%m-%d %H:%M} {c.title or _('(empty)')}" for c in mine]
    return "\n".join([_("Your latest conversations:"), "", *lines])
