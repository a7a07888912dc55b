from django.utils.translation import gettext as _

from conversations.commands.base import command
from conversations.models import Turn


@command
def start(turn: Turn, args: str) -> str:
    """Greet me."""
    bot = turn.conversation.bot
    return bot.greeting or _("Hello, I am %(name)s. Write to me, or see /help.") % {"name": bot.name}
