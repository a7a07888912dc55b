from django.utils.translation import gettext as _

from bots import catalog
from channels_integrations.base import Button
from channels_integrations.setup import setup_of
from conversations import sessions
from conversations.choose import choose
from conversations.commands.base import Said, command
from conversations.models import Turn

MOST_BUTTONS = 8


@command
def model(turn: Turn, args: str) -> str | Said:
    """Show the models, or choose one: /model name [always]."""
    name, _space, rest = args.partition(" ")
    if not name:
        return _listing(turn)
    found = catalog.find(turn.conversation.workspace_id, name)
    if found is None:
        unknown = _("I know no model %(name)s.") % {"name": repr(name)}
        listing = _listing(turn)
        return Said(f"{unknown}\n\n{listing.text}", listing.buttons)
    if rest.strip().lower() == "always":
        return _always(turn, found)
    turn.conversation.model_override_id = found.id
    turn.conversation.save(update_fields=["model_override"])
    return _("This conversation now uses %(model)s.") % {"model": f"`{found.reference}`"}


def _always(turn: Turn, found: catalog.Model) -> str:
    conversation, user = turn.conversation, turn.conversation.chat_user
    user.person.preferred_model_id = found.id
    user.person.save(update_fields=["preferred_model"])
    sessions.drop(conversation.channel_id, conversation.chat_id, user.external_id)
    return _("From now on I use %(model)s for you.") % {"model": f"`{found.reference}`"}


def _listing(turn: Turn) -> Said:
    conversation = turn.conversation
    setup = setup_of(conversation.channel_id)
    preferred = conversation.chat_user.person.preferred_model_id
    current, level = choose(setup, conversation=conversation.model_override_id, person=preferred)
    models = catalog.models_of(conversation.workspace_id)
    lines = [f"- `{m.reference}` {m.label}" + (f" ← {level}" if m.id == current.id else "") for m in models]
    buttons = [
        Button(id=str(number), label=m.reference, value=f"/model {m.reference}")
        for number, m in enumerate(models)
        if m.id != current.id
    ]
    return Said("\n".join([_("Models:"), "", *lines]), tuple(buttons[:MOST_BUTTONS]))
