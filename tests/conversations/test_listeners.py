"""Which process listens to which channel."""

from __future__ import annotations

import os
import socket
import subprocess
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from channels_integrations.admin.listening import listening
from channels_integrations.models import ChannelConfig, Gateway, Listener
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
    assert [wanted.key for wanted in listeners.mine(first)] == [(row.pk, 0)]
    assert not listeners.mine(second)
    silent(first, listeners.lost_seconds() + 1)
    assert [wanted.channel_id for wanted in listeners.mine(second)] == [row.pk]
    assert not listeners.mine(first)


@pytest.mark.parametrize(("before", "waits"), [("ended", False), ("of our number", False), ("alive", True)])
def test_who_starts_again_does_not_wait_for_who_ended_here(demo: Setup, before: str, waits: bool) -> None:
    row = open_channel(demo, "telegram", TOKEN)
    ended = subprocess.Popen(["true"])
    ended.wait()
    number = {"ended": ended.pid, "of our number": os.getpid(), "alive": os.getppid()}[before]
    holder = Gateway.objects.create(name=f"{socket.gethostname()}:{number}", kinds=["telegram"])
    Listener.objects.create(channel=row, gateway=holder)
    assert bool(listeners.mine(listeners.register(["telegram"]))) is not waits


def test_who_lost_a_channel_does_not_free_it_for_others(demo: Setup) -> None:
    row = open_channel(demo, "telegram", TOKEN)
    sleeper, other = listeners.register(["telegram"]), listeners.register(["telegram"])
    listeners.mine(sleeper)
    silent(sleeper, listeners.lost_seconds() + 1)
    listeners.mine(other)
    listeners.let_go(sleeper, [(row.pk, 0)])
    assert Listener.objects.get().gateway_id == other.pk
    listeners.let_go(other, [(row.pk, 0)])
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


def shards_of(gateway: Gateway) -> list[int]:
    return [wanted.shard for wanted in listeners.mine(gateway)]


def test_shards_are_shared_by_gateways_that_begin_together(demo: Setup) -> None:
    row = open_channel(demo, "telegram", TOKEN)
    listeners.split(row.pk, 5)
    first, second = listeners.register(["telegram"]), listeners.register(["telegram", "discord"])
    assert (shards_of(first), shards_of(second)) == ([0, 1, 2], [3, 4])
    assert (shards_of(first), shards_of(second)) == ([0, 1, 2], [3, 4])


def test_one_that_listens_to_another_platform_has_no_share(demo: Setup) -> None:
    row = open_channel(demo, "telegram", TOKEN)
    listeners.split(row.pk, 3)
    first, _other = listeners.register(["telegram"]), listeners.register(["discord"])
    assert shards_of(first) == [0, 1, 2]


@pytest.mark.parametrize("leaves", [True, False])
def test_the_shards_of_a_gateway_that_is_gone_go_to_the_others(demo: Setup, leaves: bool) -> None:
    row = open_channel(demo, "telegram", TOKEN)
    listeners.split(row.pk, 4)
    gateways = [listeners.register(["telegram"]) for _ in range(2)]
    assert [shards_of(gateway) for gateway in gateways] == [[0, 1], [2, 3]]
    if leaves:
        listeners.leave(gateways[0])
    else:
        silent(gateways[0], listeners.lost_seconds() + 1)
    assert shards_of(gateways[1]) == [0, 1, 2, 3]


def test_another_number_of_shards_is_another_version_and_those_too_many_are_left(demo: Setup) -> None:
    row = open_channel(demo, "telegram", TOKEN)
    gateway = listeners.register(["telegram"])
    (before,) = listeners.mine(gateway)
    listeners.split(row.pk, 3)
    grown = listeners.mine(gateway)
    assert [wanted.shard for wanted in grown] == [0, 1, 2] and grown[0] != before
    listeners.split(row.pk, 1)
    assert listeners.mine(gateway) == [before]


def test_a_state_is_of_one_shard(demo: Setup) -> None:
    row = open_channel(demo, "telegram", TOKEN)
    listeners.split(row.pk, 2)
    gateway = listeners.register(["telegram"])
    listeners.mine(gateway)
    listeners.note(gateway, {(row.pk, 1): Listener.State.LISTENING}, {})
    assert list(Listener.objects.order_by("shard").values_list("shard", "state")) == [(0, "starting"), (1, "listening")]
    listeners.let_go(gateway, [(row.pk, 1)])
    assert list(Listener.objects.filter(gateway=None).values_list("shard", flat=True)) == [1]


def test_a_channel_of_which_a_part_is_listened_to_is_named_with_how_much_is_not(demo: Setup) -> None:
    row = open_channel(demo, "discord", "MTIz.x.y")
    listeners.split(row.pk, 4)
    gateways = [listeners.register(["discord"]) for _ in range(2)]
    assert listeners.unheard() == ["discord"]
    listeners.mine(gateways[0])
    assert listeners.unheard() == ["discord (2 of its 4 connections)"]
    listeners.mine(gateways[1])
    assert listeners.unheard() == []
    listeners.split(row.pk, 1)
    assert listeners.unheard() == []


def test_staff_read_how_many_connections_are_made(demo: Setup) -> None:
    row = open_channel(demo, "discord", "MTIz.x.y")
    listeners.split(row.pk, 3)
    assert "Nobody listens" in listening(ChannelConfig.objects.get(pk=row.pk))
    gateway = listeners.register(["discord"])
    listeners.mine(gateway)
    assert listening(ChannelConfig.objects.get(pk=row.pk)) == "It is connecting."
    listeners.note(gateway, {(row.pk, shard): Listener.State.LISTENING for shard in (0, 2)}, {})
    assert listening(ChannelConfig.objects.get(pk=row.pk)).startswith("2 of its 3 connections to the platform are made")
    listeners.note(gateway, {(row.pk, 1): Listener.State.LISTENING}, {})
    assert listening(ChannelConfig.objects.get(pk=row.pk)) == "On."
