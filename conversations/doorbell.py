"""Who is told that there is something to do: this process, or a worker when there are any.

A doorbell that is not heard costs a few seconds: every process sweeps.
"""

from __future__ import annotations

import uuid

from conversations.runner import runner


async def ring_event(event_id: uuid.UUID) -> None:
    """A raw event waits to be read."""
    runner.ring_event(event_id)
