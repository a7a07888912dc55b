"""What Celery carries: a hint with an id. It says nothing that the rows do not say."""

from __future__ import annotations

import uuid

from celery import shared_task

from conversations import doorbell, events


@shared_task(ignore_result=True, acks_late=False)
def ring_channel(channel_id: str) -> None:
    """A raw event of this channel waits."""
    doorbell.heard(uuid.UUID(channel_id))


@shared_task(ignore_result=True, acks_late=False)
def purge() -> None:
    """Once a day, from beat: raw events that were read and are old enough are forgotten."""
    events.purge()
