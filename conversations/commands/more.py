from django.utils.translation import gettext as _

from conversations import outbox
from conversations.commands.base import Said, command
from conversations.models import Message, Turn


@command
def more(turn: Turn, args: str) -> str | Said:
    """Go on with an answer that was too long for one go."""
    said = Message.objects.filter(conversation=turn.conversation, role=Message.Role.ASSISTANT, seq__lt=turn.first_seq)
    long = said.filter(deliveries__payload__has_key=outbox.OFFER).order_by("-seq").first()
    match outbox.release(long) if long else None:
        case True:
            text, button = outbox.offer()
            return Said(text, (button,))
        case False:
            return _("That was all of it.")
    return _("There is nothing more.")
