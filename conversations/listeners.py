"""Which process listens to what, as rows: a heartbeat a process keeps all that it listens to its own.

What is listened to is a shard: one of the connections that a platform wants for a channel, mostly the only one.
"""

from __future__ import annotations

import math
import os
import socket
import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import Any, TypeAlias

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Q
from django.db.models.functions import Now

from bots.remember import forget
from channels_integrations import connecting
from channels_integrations.base import GatewayAdapter, adapters
from channels_integrations.models import ChannelConfig, FeatureFlag, Gateway, Listener

LOST = 6  # looks without a heartbeat, after which another process may listen
KEPT = timedelta(days=1)  # of a process that is gone
RECENT = timedelta(hours=24)
MENU = ("enable_commands", "enable_slash_commands")  # flags that change what is registered at a platform

_ours: set[uuid.UUID] = set()  # rows of this very process

Key: TypeAlias = tuple[uuid.UUID, int]  # a channel, and which of its shards


@dataclass(frozen=True, slots=True)
class Wanted:
    """One of a channel's shards to listen to. When anything here changes, it is listened to anew."""

    channel_id: uuid.UUID
    shard: int
    shards: int
    kind: str
    version: tuple[Any, ...]

    @property
    def key(self) -> Key:
        """Which it is, in whatever version."""
        return self.channel_id, self.shard


def lost_seconds() -> float:
    """How long a gateway may be silent before another process listens in its place."""
    return LOST * settings.GATEWAY_SECONDS


def kinds() -> list[str]:
    """Platforms that are listened to."""
    return [kind for kind, cls in adapters.items() if issubclass(cls, GatewayAdapter)]


def register(listening_to: Sequence[str]) -> Gateway:
    """This process, as a row of its own."""
    Gateway.objects.filter(Q(beat_at__lt=Now() - KEPT) | Q(pk__in=_ended_here())).delete()
    name = f"{socket.gethostname()}:{os.getpid()}"
    gateway: Gateway = Gateway.objects.create(name=name, kinds=list(listening_to))
    _ours.add(gateway.pk)
    return gateway


def _ended_here() -> list[uuid.UUID]:
    """Rows of processes of this machine that are no more: whoever starts in their place does not wait for them.

    One that had our own number was before us, as in a container that was started again.
    """
    here = Gateway.objects.filter(name__startswith=f"{socket.gethostname()}:").exclude(pk__in=_ours)
    return [pk for pk, name in here.values_list("pk", "name") if _has_ended(int(name.rpartition(":")[2]))]


def _has_ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # it is somebody else's
        return False
    return pid == os.getpid()


def leave(gateway: Gateway) -> None:
    """Others may listen at once."""
    gateway.delete()


def mine(gateway: Gateway) -> list[Wanted]:
    """The heart beats; what is ours to listen to, also what nobody listened to so far."""
    if not Gateway.objects.filter(pk=gateway.pk).update(beat_at=Now()):
        Gateway.objects.bulk_create([gateway])  # somebody removed it: begin anew
    rows = list(_channels(gateway.kinds).values_list(
        "pk", "kind", "workspace_id", "updated_at", "shards", "now",
        "listeners__shard", "listeners__gateway_id", "listeners__gateway__beat_at", named=True,
    ))  # fmt: skip
    menus = _menus({row.workspace_id for row in rows}) if rows else {}
    known = {(row.pk, row.listeners__shard): row for row in rows}
    wanted = {(row.pk, shard): row for row in rows for shard in range(row.shards)}
    ours = {key for key in wanted if key in known and known[key].listeners__gateway_id == gateway.pk}
    free = [key for key in wanted if key not in ours and not (key in known and _is_held(known[key]))]
    if free and (fair := _fair(gateway, wanted, ours, free)):
        ours |= _take(gateway, fair)
    return [
        Wanted(
            *key, row.shards, row.kind,
            (row.updated_at, menus.get((row.workspace_id, None)), menus.get((row.workspace_id, row.pk))),
        )
        for key, row in wanted.items()
        if key in ours
    ]  # fmt: skip


def note(gateway: Gateway, states: Mapping[Key, Listener.State], accounts: Mapping[uuid.UUID, str]) -> None:
    """How what is ours stands now; the channels that we are connected to, as whom: nothing is wrong with them."""
    by_state: dict[Listener.State, list[Key]] = defaultdict(list)
    for key, state in states.items():
        by_state[state].append(key)
    for state, keys in by_state.items():
        _rows(gateway, keys).exclude(state=state).update(state=state, since=Now())
    for channel_id, name in accounts.items():
        connected(channel_id, name)


def connected(channel_id: uuid.UUID, name: str) -> None:
    """We are this account there, and nothing is wrong with it."""
    changed = ChannelConfig.objects.filter(pk=channel_id).exclude(account=name[:200], fault="")
    if changed.update(account=name[:200], fault=""):
        forget()  # whether somebody is mentioned depends on it


def split(channel_id: uuid.UUID, shards: int) -> None:
    """The channel is to be listened to over so many connections: every gateway sees that at its next look."""
    ChannelConfig.objects.filter(pk=channel_id).update(shards=shards)


def let_go(gateway: Gateway, keys: Iterable[Key]) -> None:
    """We listen to these no more."""
    _rows(gateway, keys).update(gateway=None, state=Listener.State.STARTING, since=Now())


def alive_here() -> bool:
    """Whether a gateway of this machine beats."""
    since = Now() - timedelta(seconds=lost_seconds())
    return bool(Gateway.objects.filter(name__startswith=f"{socket.gethostname()}:", beat_at__gt=since).exists())


def unheard() -> list[str]:
    """Channels that nobody listens to, though somebody should: not those whose platform calls us.

    Where some of a channel's connections are listened to, how many are not.
    """
    beats = Q(listeners__gateway__beat_at__gt=Now() - timedelta(seconds=lost_seconds()))
    held = Count("listeners", filter=beats & Q(listeners__shard__lt=F("shards")))
    silent = _channels(kinds()).annotate(held=held).filter(held__lt=F("shards"))
    return [
        f"{name} ({shards - held} of its {shards} connections)" if held else name
        for pk, kind, name, shards, held in silent.values_list("pk", "kind", "name", "shards", "held")
        if not connecting.is_heard(pk, kind)
    ]


def _channels(of: Sequence[str]) -> Any:
    in_use = ChannelConfig.objects.filter(
        kind__in=of, is_active=True, archived_at=None, bot__is_active=True, bot__archived_at=None
    )
    return in_use.annotate(now=Now()).order_by("created_at", "pk")


def _is_held(row: Any) -> bool:
    beat_at = row.listeners__gateway__beat_at
    return beat_at is not None and (row.now - beat_at).total_seconds() < lost_seconds()


def _rows(gateway: Gateway, keys: Iterable[Key]) -> Any:
    """The rows of these, as far as they are this gateway's."""
    return Listener.objects.filter(_those(keys), gateway=gateway)


def _those(keys: Iterable[Key]) -> Q:
    by_shard: dict[int, list[uuid.UUID]] = defaultdict(list)
    for channel_id, shard in keys:
        by_shard[shard].append(channel_id)
    return reduce(or_, (Q(shard=shard, channel__in=ids) for shard, ids in by_shard.items()), Q(pk__in=[]))


def _fair(gateway: Gateway, wanted: Collection[Key], ours: Collection[Key], free: list[Key]) -> list[Key]:
    """The free ones that we may take: of a channel with several shards our equal part, while other gateways live."""
    shards = Counter(channel_id for channel_id, _shard in wanted)
    living = 1
    if any(shards[channel_id] > 1 for channel_id, _shard in free):
        beats = Gateway.objects.filter(beat_at__gt=Now() - timedelta(seconds=lost_seconds())).exclude(pk=gateway.pk)
        living += sum(set(gateway.kinds) <= set(kinds) for kinds in beats.values_list("kinds", flat=True))
    have = Counter(channel_id for channel_id, _shard in ours)
    fair = []
    for channel_id, shard in free:
        if have[channel_id] < math.ceil(shards[channel_id] / living):
            have[channel_id] += 1
            fair.append((channel_id, shard))
    return fair


def _take(gateway: Gateway, free: list[Key]) -> set[Key]:
    """Those that became ours: of two processes that want one, one gets it."""
    lost = Q(gateway=None) | Q(gateway__beat_at__lt=Now() - timedelta(seconds=lost_seconds()))
    with transaction.atomic():
        Listener.objects.bulk_create([Listener(channel_id=pk, shard=n) for pk, n in free], ignore_conflicts=True)
        locked = Listener.objects.select_for_update(of=("self",), skip_locked=True).filter(lost, _those(free))
        won = {(row.channel_id, row.shard): row.pk for row in locked}
        Listener.objects.filter(pk__in=won.values()).update(gateway=gateway, state=Listener.State.STARTING, since=Now())
    return set(won)


def _menus(workspace_ids: Iterable[uuid.UUID]) -> dict[tuple[uuid.UUID, uuid.UUID | None], tuple[Any, ...]]:
    """The flags that change menus, where they are set."""
    found: dict[tuple[uuid.UUID, uuid.UUID | None], tuple[Any, ...]] = {}
    rows = FeatureFlag.objects.filter(workspace__in=workspace_ids, name__in=MENU).order_by("name")
    for workspace_id, channel_id, name, value in rows.values_list("workspace_id", "channel_id", "name", "value"):
        found[workspace_id, channel_id] = (*found.get((workspace_id, channel_id), ()), name, value)
    return found
