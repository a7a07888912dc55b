"""What Prometheus is told, beside what django-prometheus counts of requests. All names begin with `switchboard_`.

Counters and histograms are this process's own and cost a dictionary's look-up; gauges of the ledger are read from the
rows when somebody asks. Labels are slugs of configuration or words of ours, never what people write. docs/metrics.md
lists them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, get_args

from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import REGISTRY, GaugeMetricFamily
from prometheus_client.registry import Collector

from bots.providers.base import ErrorCode, Usage
from conversations.capacity import TURNS as PLACES

if TYPE_CHECKING:  # it is loaded before there are models
    from channels_integrations.setup import Setup
    from conversations.models import Turn

TURNS = Counter("switchboard_turns", "Turns that were closed here.", ["state", "platform", "channel", "model"])
TURN_SECONDS = Histogram(
    "switchboard_turn_seconds", "From a question to its stored answer.", ["model"],
    buckets=(0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300),
)  # fmt: skip
FENCED = Counter("switchboard_fenced_writes", "Answers of a process that had slept through its lease: not stored.")
MODEL_CALLS = Counter("switchboard_model_calls", "Calls of models; `error` is empty of good ones.", ["model", "error"])
PROVIDER_ERRORS = Counter("switchboard_provider_errors", "Calls that a provider failed.", ["provider", "error"])
FIRST_TOKEN = Histogram(
    "switchboard_first_token_seconds", "From a call of a model to its first word.", ["model"],
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
)  # fmt: skip
TOKENS = Counter("switchboard_tokens", "Tokens, as told by providers; `cached` are part of `input`.", ["model", "kind"])
COST = Counter("switchboard_cost_dollars", "What calls of models cost, where their price is known.", ["bot", "model"])
UNPRICED = Counter("switchboard_unpriced_calls", "Calls of models whose cost is unknown.", ["bot", "model"])
IN_FLIGHT = Gauge("switchboard_turns_in_flight", "Turns that this process is at.")
WAITING = Gauge("switchboard_turns_waiting", "Conversations that wait for a place in this process.")
LISTENERS = Gauge("switchboard_listeners", "Channels and shards that this process listens to.", ["platform", "state"])
PLACEHOLDERS_LEFT = Counter(
    "switchboard_placeholders_left", "Placeholders of answers that a crash may have left on a platform.", ["platform"]
)
SENDS = Counter("switchboard_sends", "Tries to send a part to a platform.", ["platform", "outcome"])
DELIVERIES = Counter("switchboard_deliveries", "Parts that came to their end.", ["state", "platform", "channel"])
WEBHOOKS = Counter("switchboard_webhooks", "Calls of platforms.", ["platform", "outcome"])
SOCKETS = Gauge("switchboard_open_sockets", "Websockets that are open here.", ["kind"])
RATE_LIMITED = Counter("switchboard_rate_limited", "What had to wait because of a limit.", ["limit"])

IN_FLIGHT.set_function(lambda: PLACES.taken)
WAITING.set_function(lambda: PLACES.waiting)
CODES = frozenset(get_args(ErrorCode))
STATEMENT_MILLISECONDS = 2_000  # a scrape gives up after ten seconds
for _kind in ("chat", "staff"):
    SOCKETS.labels(_kind)
for _limit in ("person", "address", "key", "socket", "bot", "chat"):
    RATE_LIMITED.labels(_limit)


def turn_closed(setup: Setup | None, turn: Turn, *, state: str, model: str) -> None:
    """A turn came to its end; it was to be answered since `run_after`, by the database's clock."""
    channel = (setup.kind, setup.channel_slug) if setup else ("unknown", "unknown")
    TURNS.labels(state, *channel, model).inc()
    TURN_SECONDS.labels(model).observe(max(0.0, (timezone.now() - turn.run_after).total_seconds()))


def model_called(*, bot: str, model: str, usage: Usage | None, nanodollars: int | None, error: str) -> None:
    """A call of a model is over. `model` is its reference; `error` the code of what failed it, or ""."""
    error = error if not error or error in CODES else "other"
    MODEL_CALLS.labels(model, error).inc()
    if error:
        PROVIDER_ERRORS.labels(model.partition("/")[0], error).inc()
    if usage is not None:
        TOKENS.labels(model, "input").inc(usage.input_tokens)
        TOKENS.labels(model, "cached").inc(usage.cached_tokens)
        TOKENS.labels(model, "output").inc(usage.output_tokens)
    if nanodollars is None:
        UNPRICED.labels(bot, model).inc()
    else:
        COST.labels(bot, model).inc(nanodollars / 1e9)


class Ledger(Collector):
    """Asked at every scrape: what is not done, what was given up, who waits for a person."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        up = GaugeMetricFamily("switchboard_database_up", "Whether the rows could be read for this answer.")
        try:
            found = _ask()
        except DatabaseError:
            found = []  # `/ready` says why
        up.add_metric([], float(bool(found)))
        yield up
        yield from found

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing is asked of the database while processes start."""
        return []


def register() -> None:
    """Once a process."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each of ours, which nobody asks for
    REGISTRY.register(Ledger())


def _ask() -> list[GaugeMetricFamily]:
    """On whatever thread the scrape runs; its connection is given back."""
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(STATEMENT_MILLISECONDS)])
            return _gauges()
    finally:
        if not connection.in_atomic_block:
            connection.close()


def _gauges() -> list[GaugeMetricFamily]:
    from conversations import undone

    late = GaugeMetricFamily("switchboard_overdue_seconds", "Age of the oldest undone thing.", labels=["kind"])
    for kind, seconds in undone.overdue().items():
        late.add_metric([kind], seconds)
    dead = GaugeMetricFamily("switchboard_dead", "Things that were given up.", labels=["kind"])
    for kind, count in undone.dead_counts().items():
        dead.add_metric([kind], count)
    people = GaugeMetricFamily("switchboard_needs_a_person", "Open conversations that the bot left.", labels=["owner"])
    longest = GaugeMetricFamily("switchboard_longest_wait_seconds", "How long somebody has waited for a person.")
    waiting = undone.waiting()
    people.add_metric(["waiting"], waiting.waiting)
    people.add_metric(["human"], waiting.with_a_person)
    longest.add_metric([], waiting.longest)
    return [late, dead, people, longest]
