"""What Prometheus is told, beside what django-prometheus counts of requests. All names begin with `switchboard_`."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import DatabaseError
from prometheus_client import Counter, Histogram
from prometheus_client.core import REGISTRY, GaugeMetricFamily
from prometheus_client.registry import Collector

TURNS = Counter("switchboard_turns", "Turns that were closed here.", ["state"])
FENCED = Counter("switchboard_fenced_writes", "Answers of a process that had slept through its lease: not stored.")
MODEL_CALLS = Counter("switchboard_model_calls", "Calls of models.", ["model", "error"])
TOKENS = Counter("switchboard_tokens", "Tokens, as providers count them.", ["model", "kind"])
FIRST_TOKEN = Histogram(
    "switchboard_first_token_seconds", "From a call to its first word.", buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 30)
)
SENDS = Counter("switchboard_sends", "Parts that platforms were sent.", ["platform", "outcome"])
WEBHOOKS = Counter("switchboard_webhooks", "Calls of platforms.", ["platform", "outcome"])


class Ledger(Collector):
    """Asked at every scrape: the ages and counts of what is not done."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        from conversations.undone import undone

        overdue = GaugeMetricFamily("switchboard_overdue_seconds", "Age of the oldest undone thing.", labels=["kind"])
        dead = GaugeMetricFamily("switchboard_dead", "Things that were given up.", labels=["kind"])
        try:
            found = undone()
        except DatabaseError:
            return  # `/ready` tells of that
        for kind, state in found.items():
            overdue.add_metric([kind], state.overdue)
            dead.add_metric([kind], state.dead)
        yield overdue
        yield dead

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing is asked of the database while processes start."""
        return []


def register() -> None:
    """Once a process."""
    REGISTRY.register(Ledger())
