"""Which process listens to which channel."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from channels_integrations.models import Gateway, Listener
from channels_integrations.setup import Setup
from conversations import listeners
from tests.conversations.gateways.conftest import open_channel
from tests.fakes.telegram_server import TOKEN

pytestmark = pytest.mark.django_db(transaction=True)


def silent(gateway: Gateway, seconds: float) -> None:
    Gateway.objects.filter(pk=gateway.pk).update(beat_at=timezone.now() - timedelta(seconds=seconds))


def test_of_two_gateways_one_gets_a_channel_and_the_other_when_it_is_silent(demo: Setup) -> None:
    row = open_channel(demo, "telegram", TOKEN)
    first, second = listeners.register(["telegram"]), listeners.register(["telegram"])
    assert [wanted.channel_id for wanted in listeners.mine(first)] == [row.pk]
    assert not listeners.mine(second)
    silent(first, listeners.lost_seconds() + 1)
    assert [wanted.channel_id for wanted in listeners.mine(second)] == [row.pk]
    assert not listeners.mine(first)


def test_who_lost_a_channel_does_not_free_it_for_others(demo: Setup) -> None:
    row = open_channel(demo, "telegram", TOKEN)
    sleeper, other = listeners.register(["telegram"]), listeners.register(["telegram"])
    listeners.mine(sleeper)
    silent(sleeper, listeners.lost_seconds() + 1)
    listeners.mine(other)
    listeners.let_go(sleeper, [row.pk])
    assert Listener.objects.get().gateway_id == other.pk
    listeners.let_go(other, [row.pk])
    assert Listener.objects.get().gateway_id is None


def test_a_look_asks_no_more_for_thirty_channels_than_for_one(demo: Setup) -> None:
    gateway = listeners.register(["telegram"])
    counts = []
    for numbers in (range(1), range(1, 30)):
        for number in numbers:
            open_channel(demo, "telegram", f"{number}:{TOKEN.partition(':')[2]}", slug=f"t{number}")
        listeners.mine(gateway)
        with CaptureQueriesContext(connection) as asked:
            assert len(listeners.mine(gateway)) == numbers.stop
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 3
