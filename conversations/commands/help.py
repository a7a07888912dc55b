from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from conversations.commands.base import command, commands
from conversations.models import Turn

# The commands' first lines, which stand in docstrings, for the translators.
LINES = (
    gettext_noop("What I understand."),
    gettext_noop("Greet me."),
    gettext_noop("Go on with an answer that was too long for one go."),
    gettext_noop("Talk to a person instead of the bot."),
    gettext_noop("List your latest conversations."),
    gettext_noop("Show the models, or choose one: /model name [always]."),
    gettext_noop("Show who answers, with which model, and what this conversation took."),
    gettext_noop("Start a new conversation (also /reset)."),
    gettext_noop("Stop the answer that is being written."),
)


@command
def help(turn: Turn, args: str) -> str:  # noqa: A001  the command's name
    """What I understand."""
    lines = [f"- `/{c.name}` {_(c.help)}" for c in commands.values() if not c.alias_of]
    return _("Just write to me. I also understand:") + "\n\n" + "\n".join(lines)
