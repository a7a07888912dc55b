"""What staff see first: what runs, fails, waits and costs today, and what is still to be set up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from bots import shutdown
from bots.fields import first_id_at
from bots.models import AIModel, AIProvider, Bot, Workspace
from bots.models.price import dollars
from channels_integrations.models import ChannelConfig, RawEvent
from conversations.models import Conversation, Delivery, Message, ModelCall, Turn
from conversations.models.conversation import no_test


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, what it is, and where to look further. `bad`: somebody should look."""

    name: Any
    value: Any
    link: str = ""
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to set up, done or not, and where that is."""

    name: Any
    help: Any
    is_done: bool
    link: str


def context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds `figures`, `steps` and `going_away` to the start page's context."""
    user = request.user
    steps = _steps(user) if user.has_perm("bots.change_bot") else []
    return {
        **context,
        "figures": _figures(user) if user.has_perm("conversations.view_conversation") else [],
        "steps": [] if all(step.is_done for step in steps) else steps,
        "going_away": _going_away(user) if user.has_perm("bots.view_aimodel") else [],
    }


def _figures(user: Any) -> list[Figure]:
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    today = first_id_at(midnight)  # ids grow with time: their index finds today's rows among millions
    said = Message.objects.for_actor(user).filter(no_test("conversation__"), pk__gte=today)
    talks = said.aggregate(talks=Count("conversation", distinct=True))["talks"]
    turns = Turn.objects.for_actor(user).filter(no_test("conversation__"), pk__gte=today).aggregate(
        answered=Count("pk", filter=Q(state__in=("done", "stopped"))),
        running=Count("pk", filter=Q(state__in=("queued", "running", "waiting"))),
        failed=Count("pk", filter=Q(state__in=("failed", "dead"))),
    )  # fmt: skip
    waiting = Conversation.objects.for_actor(user).filter(owner="waiting", ended_at=None).count()
    unsent = Delivery.objects.for_actor(user).filter(pk__gte=today, state__in=("failed", "unknown", "expired"))
    unread = RawEvent.objects.for_actor(user).filter(pk__gte=today, state="dead")
    stuck = unsent.count() + unread.count()
    conversations = reverse("admin:conversations_conversation_changelist")
    engine = reverse("admin:conversations_turn_changelist") if user.has_perm("conversations.view_turn") else ""
    return [
        Figure(_("conversations today"), talks, conversations),
        Figure(_("answers given"), turns["answered"]),
        Figure(_("being answered"), turns["running"]),
        Figure(_("wait for a person"), waiting, f"{conversations}?owner=waiting", bad=waiting > 0),
        Figure(_("failed"), turns["failed"], engine and f"{engine}?state__exact=failed", bad=turns["failed"] > 0),
        Figure(_("not delivered"), stuck, bad=stuck > 0),
        _cost(user, today),
    ]


def _cost(user: Any, since: Any) -> Figure:
    calls = ModelCall.objects.for_actor(user).filter(is_test=False, pk__gte=since)
    sums = calls.aggregate(cost=Sum("cost_nanodollars"), unknown=Count("pk", filter=Q(cost_nanodollars=None)))
    amount = dollars(sums["cost"] or 0)
    unknown = sums["unknown"]
    more = ngettext(", and %(count)d call of unknown price", ", and %(count)d calls of unknown price", unknown)
    more = more % {"count": unknown} if unknown else ""
    return Figure(f"{_('spent today')}{more}", f"${amount:.2f}", "/analytics/")


def _steps(user: Any) -> list[Step]:
    """From nothing to a bot that people talk to."""
    bots, channels = Bot.objects.for_actor(user), ChannelConfig.objects.for_actor(user).filter(archived_at=None)
    chat = channels.filter(kind="webchat", is_active=True).first()
    real = AIProvider.objects.for_actor(user).filter(is_active=True, archived_at=None).exclude(kind="demo").exists()
    return [
        Step(_("Connect a model"), _("The key of a provider; until then the demo model answers by rule."), real,
             reverse("admin:bots_aiprovider_add")),
        Step(_("Say what your bot is"), _("Its name and its prompt."), bots.exclude(slug="demo").exists(),
             reverse("admin:bots_bot_add")),
        Step(_("Open a channel"), _("Where people reach it: a web chat, or a platform."),
             channels.exclude(bot__slug="demo").exists(), reverse("admin:channels_integrations_channelconfig_add")),
        Step(_("Say hello"), _("Write to it as a visitor would."), _was_talked_to(user),
             reverse("chat", args=[chat.slug]) if chat else reverse("landing")),
        Step(_("Go live"), _("Put the web chat on your site: the channel's page has the line of HTML to paste."),
             any(row.config.get("sites") for row in channels.filter(kind="webchat").only("config")),
             reverse("admin:channels_integrations_channelconfig_changelist")),
    ]  # fmt: skip


def _was_talked_to(user: Any) -> bool:
    return bool(Message.objects.for_actor(user).filter(no_test("conversation__"), role="user").exists())


def _going_away(user: Any) -> list[shutdown.Ending]:
    """Models in use that their provider ends within a month or has ended, soonest first."""
    mine = None if user.is_superuser else list(Workspace.objects.for_actor(user).values_list("pk", flat=True))
    return shutdown.endings(AIModel.objects.for_actor(user), mine)[:10]
