"""Raw events: stored as they came before the platform is told so, read afterwards, once each."""

from __future__ import annotations

import dataclasses
import hashlib
import uuid
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F
from django.db.models.functions import Now

from channels_integrations.base import InboundEvent, IncomingMessage, Unreadable, WebhookAdapter
from channels_integrations.models import RawEvent
from channels_integrations.setup import Misconfigured, Setup, adapter_of, setup_of
from conversations import rates
from conversations.accept import Accepted, accept
from conversations.limits import LONGEST_TEXT
from conversations.turns import Claim

log = structlog.get_logger(__name__)

TRIES = 3  # of a body that ends its process; counted before it is read
LONGEST_ID = 200
KEPT = timedelta(days=7)


def store(channel_id: uuid.UUID, body: bytes) -> uuid.UUID | None:
    """The id of the stored event; None when the same body was stored before."""
    sha256 = hashlib.sha256(body).hexdigest()
    row = RawEvent(channel_id=channel_id, sha256=sha256, body=body)
    RawEvent.objects.bulk_create([row], ignore_conflicts=True)
    stored = RawEvent.objects.filter(channel_id=channel_id, sha256=sha256, state=RawEvent.State.NEW).first()
    return stored.pk if stored else None


def unread(limit: int = 100) -> list[uuid.UUID]:
    """Events nobody has read yet, oldest first."""
    rows = RawEvent.objects.filter(state=RawEvent.State.NEW, run_after__lte=Now()).order_by("run_after")
    return list(rows.values_list("pk", flat=True)[:limit])


def read(event_id: uuid.UUID) -> dict[uuid.UUID, Claim | None]:
    """Conversations that have something to answer now, with the turn where it was claimed at once.

    An entry that cannot be read does not stop the others.
    """
    new = RawEvent.objects.filter(pk=event_id, state=RawEvent.State.NEW)
    lease = ExpressionWrapper(Now() + timedelta(seconds=settings.LEASE_SECONDS), output_field=DateTimeField())
    if not new.filter(run_after__lte=Now()).update(attempts=F("attempts") + 1, run_after=lease):
        return {}  # another reads it
    with transaction.atomic():
        row = new.select_for_update().first()
        if row is None:
            return {}
        worn_out = row.attempts > TRIES
        found, faults = ({}, ["it ended its process each time"]) if worn_out else _accept_all(row)
        row.state = RawEvent.State.DEAD if faults else RawEvent.State.DONE
        row.reason = "; ".join(faults)[:300]
        row.save(update_fields=["state", "reason"])
    if faults:
        log.warning("event_unreadable", event_row=str(event_id), entries=len(faults), reason=faults[0][:200])
    return found


def _accept_all(row: RawEvent) -> tuple[dict[uuid.UUID, Claim | None], list[str]]:
    """Conversations to answer, and what could not be read."""
    try:
        adapter, setup = adapter_of(row.channel_id), setup_of(row.channel_id)
        if not isinstance(adapter, WebhookAdapter):
            return {}, [f"{setup.kind} takes no webhooks"]
        entries = adapter.parse(bytes(row.body))
    except (ValueError, Misconfigured) as error:
        return {}, [str(error)]
    except Exception as error:  # a platform's parser is a plug-in: whatever it does wrong, its event is kept
        log.exception("parser_broke", platform=row.channel.kind)
        return {}, [f"the parser broke: {type(error).__name__}"]
    found: dict[uuid.UUID, Claim | None] = {}
    faults = []
    for entry in entries:
        if isinstance(entry, Unreadable):
            faults.append(entry.reason)
        elif (accepted := take(setup, entry)) is not None and accepted.turn_id:
            found[accepted.conversation_id] = found.get(accepted.conversation_id) or accepted.claim
    return found, faults


def purge(batch: int = 1_000) -> int:
    """How many read events were forgotten for their age. Dead ones stay for staff to look at."""
    old = RawEvent.objects.filter(state=RawEvent.State.DONE, received_at__lt=Now() - KEPT)
    count = 0
    while chosen := list(old.values_list("pk", flat=True)[:batch]):
        count += RawEvent.objects.filter(pk__in=chosen).delete()[0]
    return count


def take(setup: Setup, event: InboundEvent) -> Accepted | None:
    """What became of an event that is a message for us; None for others."""
    if not isinstance(event, IncomingMessage) or (event.is_group and not event.addressed):
        return None
    event = _storable(event)
    if rates.wait_to_say(channel_id=setup.channel_id, person=event.sender_id):
        event = dataclasses.replace(event, raw={"refused": "too_often"})
    return accept(setup, event, claim=True)


def _storable(event: IncomingMessage) -> IncomingMessage:
    """The event with text that every store takes. What cannot be read is stored too, and answered with a sentence."""
    text = _clean(event.text)
    refused = "too_long" if len(text) > LONGEST_TEXT else "" if text.strip() else "media"
    return dataclasses.replace(
        event,
        text=text[:LONGEST_TEXT],
        event_id=_bounded(event.event_id),
        chat_id=_bounded(event.chat_id),
        sender_id=_bounded(event.sender_id),
        sender_name=_clean(event.sender_name)[:200],
        raw={"refused": refused} if refused else {},
    )


def _clean(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _bounded(name: str) -> str:
    """An id that fits its column; a longer one is known by its hash."""
    clean = _clean(name)
    return clean if len(clean) <= LONGEST_ID else "sha256:" + hashlib.sha256(clean.encode()).hexdigest()
