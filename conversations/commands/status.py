from django.db.models import Sum
from django.utils.translation import gettext as _

from bots.models.price import dollars
from channels_integrations.setup import setup_of
from conversations.choose import choose
from conversations.commands.base import command
from conversations.models import ModelCall, Turn


@command
def status(turn: Turn, args: str) -> str:
    """Show who answers, with which model, and what this conversation took."""
    conversation = turn.conversation
    setup = setup_of(conversation.channel_id)
    preferred = conversation.chat_user.person.preferred_model_id
    model, level = choose(setup, conversation=conversation.model_override_id, person=preferred)
    calls = ModelCall.objects.filter(turn__conversation=conversation)
    sums = calls.aggregate(i=Sum("input_tokens"), o=Sum("output_tokens"), c=Sum("cost_nanodollars"))
    unknown = calls.filter(cost_nanodollars=None).exists()
    amount = dollars(sums["c"])
    cost = _("unknown") if unknown or amount is None else f"${amount:.4f}"
    told = {
        _("Bot"): setup.bot_name,
        _("Model"): f"`{model.reference}` ({level})",
        _("Messages"): conversation.next_seq - 1,
        _("Tokens"): f"{sums['i'] or 0} + {sums['o'] or 0}",
        _("Cost"): cost,
    }
    return "\n".join(f"- {name}: {value}" for name, value in told.items())
