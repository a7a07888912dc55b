"""Raw events: stored as they came before the platform is told so, read afterwards, once each."""

from __future__ import annotations

import dataclasses
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import takewhile
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F
from django.db.models.functions import Now

from bots import crash
from bots.threads import AWAY
from channels_integrations.base import (
    InboundEvent,
    IncomingMessage,
    MembershipChanged,
    Pressed,
    Unreadable,
    WebhookAdapter,
)
from channels_integrations.models import RawEvent
from channels_integrations.setup import Misconfigured, Setup, adapter_of, setup_of
from conversations import haste, rates, reach, spoken
from conversations.accept import Accepted, accept
from conversations.limits import LONGEST_TEXT
from conversations.turn_requests import request_stop
from conversations.turns import Claim

log = structlog.get_logger(__name__)

SHARED_TRIES = 2  # beside TURN_ATTEMPTS: those for which another event of the lot may be to blame
WORN_OUT = "it ended its process each time"
ARRIVAL = ("received_at", "pk")
BATCHES = (50, 10, 1)  # read at once by how often their process ended: the one that ends it is found soon
LONGEST_ID = 200
LONGEST_TOKEN = 1_000  # that an answer is addressed by
KEPT = timedelta(days=7)


def store(channel_id: uuid.UUID, body: bytes) -> bool:
    """Whether the event waits to be read; False when the same body was read before."""
    sha256 = hashlib.sha256(body).hexdigest()
    RawEvent.objects.bulk_create([RawEvent(channel_id=channel_id, sha256=sha256, body=body)], ignore_conflicts=True)
    return bool(_new(channel_id).filter(sha256=sha256).exists())


def unread(limit: int = 100) -> list[uuid.UUID]:
    """Channels with events that nobody reads, the longest waiting first."""
    rows = RawEvent.objects.filter(state=RawEvent.State.NEW, run_after__lte=Now()).order_by("run_after")
    return list(dict.fromkeys(rows.values_list("channel_id", flat=True)[:limit]))


@dataclass(slots=True)
class Read:
    """What a lot of events brought: conversations to answer, with the turn where it was claimed at once, or after so
    many seconds; presses of buttons that the platform waits to hear of.
    """

    claims: dict[uuid.UUID, Claim | None] = field(default_factory=dict)
    waits: dict[uuid.UUID, float] = field(default_factory=dict)
    presses: list[Pressed] = field(default_factory=list)

    def note(self, accepted: Accepted) -> None:
        """A message was accepted; it may be one that nobody answers."""
        if accepted.turn_id and accepted.wait:
            self.waits[accepted.conversation_id] = accepted.wait
        elif accepted.turn_id:
            self.claims[accepted.conversation_id] = self.claims.get(accepted.conversation_id) or accepted.claim

    def add(self, other: Read) -> None:
        """What the next event brought."""
        for conversation_id, claim in other.claims.items():
            self.claims[conversation_id] = self.claims.get(conversation_id) or claim
        self.waits |= other.waits
        self.presses += other.presses


def read(channel_id: uuid.UUID) -> Read | None:
    """Reads the channel's oldest events, in the order they came; None when nothing is left or another reads them.

    An entry that cannot be read does not stop the others.
    """
    taken = _take(channel_id)
    if not taken:
        return None
    crash.point("events taken")
    found = Read()
    with transaction.atomic():
        for row in _new(channel_id).select_for_update().filter(pk__in=taken).order_by(*ARRIVAL):
            found.add(_settle(row))
    crash.point("events read")
    return found


def _new(channel_id: uuid.UUID) -> Any:
    return RawEvent.objects.filter(channel_id=channel_id, state=RawEvent.State.NEW)


def _take(channel_id: uuid.UUID) -> list[uuid.UUID]:
    """The oldest unread events, ours for a moment: their attempt is counted before they are read.

    Nobody else reads a later one meanwhile. Events that ended their process are read in smaller lots, then alone.
    """
    lease = ExpressionWrapper(Now() + timedelta(seconds=settings.LEASE_SECONDS / 10), output_field=DateTimeField())
    with transaction.atomic():
        oldest = _new(channel_id).select_for_update().annotate(now=Now()).order_by(*ARRIVAL).first()
        if oldest is None or oldest.run_after > oldest.now:
            return []
        batch = BATCHES[min(oldest.attempts, len(BATCHES) - 1)]
        rows = _new(channel_id).order_by(*ARRIVAL).values_list("pk", "attempts")[:batch]
        taken = [pk for pk, _attempts in takewhile(lambda row: row[1] <= oldest.attempts, rows)]
        RawEvent.objects.filter(pk__in=taken).update(attempts=F("attempts") + 1, run_after=lease)
        return taken


def _settle(row: RawEvent) -> Read:
    """Read one event; it is done, or dead with the reason."""
    found = Read()
    try:
        with transaction.atomic():
            found, faults = (
                (found, [WORN_OUT]) if row.attempts > settings.TURN_ATTEMPTS + SHARED_TRIES else _accept_all(row)
            )
    except AWAY:
        raise
    except Exception as error:  # the supervisor of an event: our own mistake costs this one, not those behind it
        log.exception("event_broke", event_row=str(row.pk))
        found, faults = Read(), [f"a fault of ours: {type(error).__name__}, see the log"]
    row.state = RawEvent.State.DEAD if faults else RawEvent.State.DONE
    row.reason = "; ".join(faults)[:300]
    row.save(update_fields=["state", "reason"])
    if faults:
        log.warning("event_unreadable", event_row=str(row.pk), entries=len(faults), reason=faults[0][:200])
    return found


def _accept_all(row: RawEvent) -> tuple[Read, list[str]]:
    """What the event brought, and what could not be read."""
    found = Read()
    try:
        adapter, setup = adapter_of(row.channel_id), setup_of(row.channel_id)
        if not isinstance(adapter, WebhookAdapter):
            return found, [f"{setup.kind} takes no webhooks"]
        entries = adapter.parse(bytes(row.body))
    except (ValueError, Misconfigured) as error:
        return found, [str(error)]
    except AWAY:  # the channel's settings could not be read: no fault of the event
        raise
    except Exception as error:  # a platform's parser is a plug-in: whatever it does wrong, its event is kept
        log.exception("parser_broke", platform=row.channel.kind)
        return found, [f"the parser broke: {type(error).__name__}"]
    for entry in entries:
        if isinstance(entry, Pressed):
            found.presses.append(entry)
        if not isinstance(entry, Unreadable) and (accepted := take(setup, entry)) is not None:
            found.note(accepted)
    return found, [entry.reason for entry in entries if isinstance(entry, Unreadable)]


def purge(batch: int = 1_000) -> int:
    """How many read events were forgotten for their age. Dead ones stay for staff to look at."""
    old = RawEvent.objects.filter(state=RawEvent.State.DONE, received_at__lt=Now() - KEPT)
    count = 0
    while chosen := list(old.values_list("pk", flat=True)[:batch]):
        count += RawEvent.objects.filter(pk__in=chosen).delete()[0]
    return count


def take(setup: Setup, told: InboundEvent) -> Accepted | None:
    """What became of an event that is a message for us; None for others."""
    if isinstance(told, MembershipChanged):
        reach.changed(setup.channel_id, _bounded(told.chat_id), reachable=told.change == "joined")
    event = spoken.message_of(setup.channel_id, told)
    if event is None or (event.is_group and not event.addressed):
        return None
    event = _storable(event)
    own = int(setup.flags["messages_per_minute"])
    if rates.wait_to_say(channel_id=setup.channel_id, person=event.sender_id, own=own):
        event = dataclasses.replace(event, raw={**event.raw, "refused": haste.REFUSED})
    accepted = accept(setup, event, claim=True)
    if event.text.strip().lower() == "/stop" and accepted.claim is None and not accepted.repeated:
        request_stop(accepted.conversation_id, queued=True)  # its holder sees it within a second
    return accepted


def _storable(event: IncomingMessage) -> IncomingMessage:
    """The event with text that every store takes. What cannot be read is stored too, and answered with a sentence."""
    text = _clean(event.text)
    refused = "media" if event.attachments or not text.strip() else "too_long" if len(text) > LONGEST_TEXT else ""
    return dataclasses.replace(
        event,
        text=text[:LONGEST_TEXT],
        event_id=_bounded(event.event_id),
        chat_id=_bounded(event.chat_id),
        sender_id=_bounded(event.sender_id),
        sender_name=_clean(event.sender_name)[:200],
        chat_name=_clean(event.chat_name)[:200],
        language=_clean(event.language)[:20],
        answer_to=_clean(event.answer_to)[:LONGEST_TOKEN],
        raw={**_kept(event.raw), **({"refused": refused} if refused else {})},
    )


def _kept(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What is remembered of an event beside its text: that it was no message of its own."""
    kept: dict[str, Any] = {"invoked": True} if "invoked" in raw else {}
    return kept | ({"album": _bounded(str(raw["album"]))} if "album" in raw else {})


def _clean(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _bounded(name: str) -> str:
    """An id that fits its column; a longer one is known by its hash."""
    clean = _clean(name)
    return clean if len(clean) <= LONGEST_ID else "sha256:" + hashlib.sha256(clean.encode()).hexdigest()
