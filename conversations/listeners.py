"""Which process listens to which channel, as rows: a heartbeat a process keeps all that it listens to its own."""

from __future__ import annotations

import os
import socket
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from bots.remember import forget
from channels_integrations import connecting
from channels_integrations.base import GatewayAdapter, adapters
from channels_integrations.models import ChannelConfig, FeatureFlag, Gateway, Listener

LOST = 6  # looks without a heartbeat, after which another process may listen
KEPT = timedelta(days=1)  # of a process that is gone
RECENT = timedelta(hours=24)
MENU = ("enable_commands", "enable_slash_commands")  # flags that change what is registered at a platform


@dataclass(frozen=True, slots=True)
class Wanted:
    """A channel to listen to. When the `version` changes, it is listened to anew."""

    channel_id: uuid.UUID
    kind: str
    version: tuple[Any, ...]


def lost_seconds() -> float:
    """How long a gateway may be silent before another process listens in its place."""
    return LOST * settings.GATEWAY_SECONDS


def kinds() -> list[str]:
    """Platforms that are listened to."""
    return [kind for kind, cls in adapters.items() if issubclass(cls, GatewayAdapter)]


def register(listening_to: Sequence[str]) -> Gateway:
    """This process, as a row of its own."""
    Gateway.objects.filter(beat_at__lt=Now() - KEPT).delete()
    name = f"{socket.gethostname()}:{os.getpid()}"
    gateway: Gateway = Gateway.objects.create(name=name, kinds=list(listening_to))
    return gateway


def leave(gateway: Gateway) -> None:
    """Others may listen at once."""
    gateway.delete()


def mine(gateway: Gateway) -> list[Wanted]:
    """The heart beats; the channels that are ours to listen to, also those that nobody listened to so far."""
    if not Gateway.objects.filter(pk=gateway.pk).update(beat_at=Now()):
        Gateway.objects.bulk_create([gateway])  # somebody removed it: begin anew
    rows = list(_channels(gateway.kinds).values_list(
        "pk", "kind", "workspace_id", "updated_at", "listener__gateway_id", "listener__gateway__beat_at", "now",
        named=True,
    ))  # fmt: skip
    menus = _menus({row.workspace_id for row in rows}) if rows else {}
    free = [row.pk for row in rows if row.listener__gateway_id != gateway.pk and not _is_held(row)]
    won = _take(gateway, free) if free else set()
    return [
        Wanted(
            row.pk,
            row.kind,
            (row.updated_at, menus.get((row.workspace_id, None)), menus.get((row.workspace_id, row.pk))),
        )
        for row in rows
        if row.listener__gateway_id == gateway.pk or row.pk in won
    ]


def note(gateway: Gateway, states: Mapping[uuid.UUID, Listener.State], accounts: Mapping[uuid.UUID, str]) -> None:
    """How these channels of ours stand now; those that we are connected to, as whom: nothing is wrong with them."""
    by_state: dict[Listener.State, list[uuid.UUID]] = defaultdict(list)
    for channel_id, state in states.items():
        by_state[state].append(channel_id)
    for state, channel_ids in by_state.items():
        mine = Listener.objects.filter(pk__in=channel_ids, gateway=gateway)
        mine.exclude(state=state).update(state=state, since=Now())
    for channel_id, name in accounts.items():
        connected(channel_id, name)


def connected(channel_id: uuid.UUID, name: str) -> None:
    """We are this account there, and nothing is wrong with it."""
    changed = ChannelConfig.objects.filter(pk=channel_id).exclude(account=name[:200], fault="")
    if changed.update(account=name[:200], fault=""):
        forget()  # whether somebody is mentioned depends on it


def let_go(gateway: Gateway, channel_ids: Iterable[uuid.UUID]) -> None:
    """We listen to these no more."""
    Listener.objects.filter(pk__in=list(channel_ids), gateway=gateway).update(
        gateway=None, state=Listener.State.STARTING, since=Now()
    )


def alive_here() -> bool:
    """Whether a gateway of this machine beats."""
    since = Now() - timedelta(seconds=lost_seconds())
    return bool(Gateway.objects.filter(name__startswith=f"{socket.gethostname()}:", beat_at__gt=since).exists())


def unheard() -> list[str]:
    """Names of channels that nobody listens to, though somebody should: not of those whose platform calls us."""
    held = Q(listener__gateway__beat_at__gt=Now() - timedelta(seconds=lost_seconds()))
    silent = _channels(kinds()).exclude(held).values_list("pk", "kind", "name")
    return [name for pk, kind, name in silent if not connecting.is_heard(pk, kind)]


def _channels(of: Sequence[str]) -> Any:
    in_use = ChannelConfig.objects.filter(
        kind__in=of, is_active=True, archived_at=None, bot__is_active=True, bot__archived_at=None
    )
    return in_use.annotate(now=Now()).order_by("created_at", "pk")


def _is_held(row: Any) -> bool:
    beat_at = row.listener__gateway__beat_at
    return beat_at is not None and (row.now - beat_at).total_seconds() < lost_seconds()


def _take(gateway: Gateway, free: list[uuid.UUID]) -> set[uuid.UUID]:
    """Those that became ours: of two processes that want one, one gets it."""
    lost = Q(gateway=None) | Q(gateway__beat_at__lt=Now() - timedelta(seconds=lost_seconds()))
    with transaction.atomic():
        Listener.objects.bulk_create([Listener(channel_id=pk) for pk in free], ignore_conflicts=True)
        locked = Listener.objects.select_for_update(of=("self",), skip_locked=True).filter(lost, pk__in=free)
        won = set(locked.values_list("pk", flat=True))
        Listener.objects.filter(pk__in=won).update(gateway=gateway, state=Listener.State.STARTING, since=Now())
    return won


def _menus(workspace_ids: Iterable[uuid.UUID]) -> dict[tuple[uuid.UUID, uuid.UUID | None], tuple[Any, ...]]:
    """The flags that change menus, where they are set."""
    found: dict[tuple[uuid.UUID, uuid.UUID | None], tuple[Any, ...]] = {}
    rows = FeatureFlag.objects.filter(workspace__in=workspace_ids, name__in=MENU).order_by("name")
    for workspace_id, channel_id, name, value in rows.values_list("workspace_id", "channel_id", "name", "value"):
        found[workspace_id, channel_id] = (*found.get((workspace_id, channel_id), ()), name, value)
    return found
