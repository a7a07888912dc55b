from django.utils.translation import gettext as _

from conversations.commands.base import command, commands
from conversations.models import Turn


@command
def help(turn: Turn, args: str) -> str:  # noqa: A001  the command's name
    """What I understand."""
    lines = [f"- `/{c.name}` {c.help}" for c in commands.values() if not c.alias_of]
    return _("Just write to me. I also understand:") + "\n\n" + "\n".join(lines)
