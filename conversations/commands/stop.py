from django.utils.translation import gettext as _

from conversations.commands.base import command
from conversations.models import Turn


@command
def stop(turn: Turn, args: str) -> str:
    """Stop the answer that is being written."""
    return _("Stopped.")  # the running turn was stopped when this message came in
