"""What lists say about conversations beside their own columns: last words and cost, in a query each for a page."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Left

from conversations.admin import cost
from conversations.models import Conversation, Message, ModelCall

MOST_WORDS = 80  # characters


def complete(rows: Sequence[Conversation]) -> None:
    """Gives each row `last_words` and `cost`."""
    ids = [row.pk for row in rows]
    newest = Message.objects.filter(conversation__in=ids, seq=F("conversation__next_seq") - 1)
    words = dict(newest.values_list("conversation", Left("text", MOST_WORDS + 1)))
    calls = ModelCall.objects.filter(turn__conversation__in=ids).values_list("turn__conversation")
    summed = calls.annotate(
        total=Sum("cost_nanodollars"), calls=Count("pk"), unknown=Count("pk", filter=Q(cost_nanodollars=None))
    )
    sums = {talk: (total or 0, calls, unknown) for talk, total, calls, unknown in summed}
    for row in rows:
        total, count, unknown = sums.get(row.pk, (0, 0, 0))
        row.last_words = _cut(words.get(row.pk, ""))  # type: ignore[attr-defined]
        row.cost = cost.of_sums(total, calls=count, unknown=unknown)  # type: ignore[attr-defined]


def _cut(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(text) <= MOST_WORDS else one_line[: MOST_WORDS - 1] + "…"
