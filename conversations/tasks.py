"""What Celery carries: a hint with an id. It says nothing that the rows do not say."""

from __future__ import annotations

import uuid
from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from channels_integrations.models import RawEvent
from conversations import doorbell

KEPT = timedelta(days=7)  # how long raw bytes of a webhook are kept


@shared_task(ignore_result=True, acks_late=False)
def ring_event(event_id: str) -> None:
    """A raw event waits."""
    doorbell.heard("event", uuid.UUID(event_id))


@shared_task(ignore_result=True, acks_late=False)
def purge() -> None:
    """Forget raw events that were read and are old enough; every process may do it, an hour apart."""
    purge_events()


def purge_events(batch: int = 1_000) -> int:
    """How many were forgotten. Dead ones stay for staff to look at."""
    old = RawEvent.objects.filter(state=RawEvent.State.DONE, received_at__lt=timezone.now() - KEPT)
    count = 0
    while chosen := list(old.values_list("pk", flat=True)[:batch]):
        count += RawEvent.objects.filter(pk__in=chosen).delete()[0]
    return count
