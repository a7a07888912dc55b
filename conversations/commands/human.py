from django.utils.translation import gettext as _

from conversations import ownership
from conversations.commands.base import command
from conversations.models import Turn


@command
def human(turn: Turn, args: str) -> str:
    """Talk to a person instead of the bot."""
    if not ownership.ask_for_person(turn.conversation_id):
        return _("Nobody can be called here.")
    return ownership.person_is_called()
