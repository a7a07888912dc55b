"""What was said in a conversation, a page at a time, and beside each answer how it came about."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from channels_integrations.rendering.markdown import html
from conversations.admin import cost, standing
from conversations.models import Conversation, Delivery, Message, ModelCall, ToolCall, Turn, delivery

PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A message. `html` is safe, and empty where the text is to be shown as it is; `facts` are names and values.

    `is_open`: what stands here will change by itself.
    """

    message: Message
    name: str
    html: str
    summary: str
    facts: list[tuple[str, str]]
    links: list[tuple[str, str]]
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Lines, oldest first. `earlier`: the `seq` before which there are more; None where there are none."""

    lines: list[Line]
    earlier: int | None


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the engine wrote down about the messages of a page."""

    turns: dict[uuid.UUID, Turn]
    calls: dict[uuid.UUID, list[ModelCall]]
    tools: dict[uuid.UUID, list[ToolCall]]
    deliveries: dict[uuid.UUID, list[Delivery]]

    @classmethod
    def of(cls, messages: list[Message]) -> Ledger:
        """A query for each kind."""
        turns = {message.turn_id for message in messages if message.turn_id}
        calls = ModelCall.objects.filter(turn__in=turns).select_related("prompt_version").defer("said")
        tools = ToolCall.objects.filter(turn__in=turns).order_by("round", "position").defer("arguments", "result")
        deliveries = Delivery.objects.filter(message__in=messages).order_by("part").defer("payload")
        return cls(
            Turn.objects.in_bulk(turns),
            _grouped(calls.order_by("pk"), "turn_id"),
            _grouped(tools, "turn_id"),
            _grouped(deliveries, "message_id"),
        )


def page_of(
    conversation: Conversation, *, before: int | None = None, after: int | None = None, engine: bool = False
) -> Page:
    """The newest lines, or those before or after a `seq`. `engine`: with links to the rows of the engine room."""
    rows = Message.objects.filter(conversation=conversation).select_related("sender__person").defer("provider_state")
    if after is not None:
        messages = list(rows.filter(seq__gt=after).order_by("seq")[:PAGE])
    else:
        newest = rows if before is None else rows.filter(seq__lt=before)
        messages = list(newest.order_by("-seq")[:PAGE])[::-1]
    ledger = Ledger.of(messages)
    last = {message.turn_id: message.pk for message in messages if message.turn_id}
    lines = [_line(conversation, message, ledger, last, engine) for message in messages]
    return Page(lines=lines, earlier=messages[0].seq if messages and messages[0].seq > 1 else None)


def _line(
    conversation: Conversation, message: Message, ledger: Ledger, last: dict[uuid.UUID, uuid.UUID], engine: bool
) -> Line:
    answer = message.role == Message.Role.ASSISTANT
    turn = ledger.turns.get(message.turn_id)
    if turn is not None and not answer and (last[turn.pk] != message.pk or turn.state not in _UNANSWERED):
        turn = None  # told beside its answer
    parts = ledger.deliveries.get(message.pk, [])
    sent = [(_("Part %(number)d") % {"number": part.part + 1}, _of_part(part)) for part in parts]
    return Line(
        message=message,
        name=_speaker(conversation, message),
        html=html(message.text) if answer else "",
        summary=_summary(turn, parts),
        facts=(_facts(turn, ledger) if turn else []) + sent,
        links=_links(turn, parts) if engine else [],
        is_open=bool(turn and turn.is_open) or any(part.state in delivery.OPEN for part in parts),
    )


_UNANSWERED = ("queued", "running", "waiting", "stopped")


def _speaker(conversation: Conversation, message: Message) -> str:
    if message.role == Message.Role.USER:
        return str((message.sender or conversation.chat_user).person)
    if message.role == Message.Role.ASSISTANT:
        return str(message.metadata.get("author") or conversation.bot.name)
    return ""


def _summary(turn: Turn | None, parts: list[Delivery]) -> str:
    """What the details are called while they are closed: what went wrong is said at once."""
    bad = [part for part in parts if part.state in ("failed", "expired", "unknown")]
    said = [standing.of_turn(turn.state)] if turn else []
    return ", ".join(said + [standing.of_delivery(part.state) for part in bad[:1] or parts[-1:]])


def _facts(turn: Turn, ledger: Ledger) -> list[tuple[str, str]]:
    calls, tools = ledger.calls.get(turn.pk, []), ledger.tools.get(turn.pk, [])
    facts = [
        (_("State"), standing.of_turn(turn.state)),
        (_("Reason"), turn.reason),
        *(_of_calls(calls) if calls else [(_("Model"), _("none was called"))]),
        (_("Attempts"), str(turn.attempts)),
        (_("Tools"), ", ".join(f"{tool.name} ({standing.of_tool(tool.state)})" for tool in tools)),
    ]
    return [(name, value) for name, value in facts if value]


def _of_calls(calls: list[ModelCall]) -> list[tuple[str, str]]:
    """Of all calls of a turn together: an answer with tools takes several, one that failed is tried again."""
    models = dict.fromkeys(f"{call.model_name} ({standing.of_level(call.level)})" for call in calls)
    prompts = dict.fromkeys(_prompt(call) for call in calls)
    first = next((call.first_token_ms for call in calls if call.first_token_ms is not None), None)
    failed = dict.fromkeys(call.error for call in calls if call.error)
    return [
        (_("Model"), ", ".join(models)),
        (_("Failed calls"), ", ".join(failed)),
        (_("Prompt"), ", ".join(prompts)),
        (_("Tokens in"), _tokens(call.input_tokens for call in calls)),
        (_("of them cached"), _tokens(call.cached_tokens for call in calls)),
        (_("Tokens out"), _tokens(call.output_tokens for call in calls)),
        (_("Cost"), cost.of_calls(call.cost_nanodollars for call in calls)),
        (_("Time"), _seconds(sum(call.latency_ms for call in calls))),
        (_("First word after"), _("unknown") if first is None else _seconds(first)),
    ]


def _prompt(call: ModelCall) -> str:
    version = call.prompt_version
    return _("none") if version is None else _("version %(number)d") % {"number": version.number}


def _tokens(amounts: Iterable[int | None]) -> str:
    """Their sum, unless one is unknown."""
    found = list(amounts)
    known = [amount for amount in found if amount is not None]
    return f"{sum(known):,}" if len(known) == len(found) else _("unknown")


def _seconds(milliseconds: int) -> str:
    return _("%(seconds)s s") % {"seconds": f"{milliseconds / 1000:.2f}"}


def _of_part(part: Delivery) -> str:
    told = [standing.of_delivery(part.state), part.reason, _("it may have arrived twice") if part.ambiguous else ""]
    return ": ".join(text for text in told if text)


def _links(turn: Turn | None, parts: list[Delivery]) -> list[tuple[str, str]]:
    links = [(_("turn"), reverse("admin:conversations_turn_change", args=[turn.pk]))] if turn else []
    return links + [
        (_("delivery %(number)d") % {"number": part.part + 1},
         reverse("admin:conversations_delivery_change", args=[part.pk]))
        for part in parts
    ]  # fmt: skip


def _grouped(rows: Any, name: str) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        found[getattr(row, name)].append(row)
    return found
