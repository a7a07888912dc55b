"""What people ask of a turn that is there: to stop, to be tried again."""

from __future__ import annotations

import uuid

from django.db.models.functions import Now

from conversations.models import Turn


def request_stop(conversation_id: uuid.UUID, *, queued: bool = False) -> list[uuid.UUID]:
    """The turns that were asked to stop: the running ones, whose holders see it within two seconds.

    `queued`: those too that wait their turn; when it comes, no model is asked.
    """
    states = [Turn.State.RUNNING, Turn.State.QUEUED] if queued else [Turn.State.RUNNING]
    asked = Turn.objects.filter(conversation_id=conversation_id, state__in=states)
    found = list(asked.order_by("first_seq").values_list("pk", flat=True))
    asked.update(stop_requested=True)
    return found


def queue_again(conversation_id: uuid.UUID, turn_id: uuid.UUID) -> bool:
    """Whether the turn, which had failed or was stopped, waits for its answer once more."""
    states = [Turn.State.FAILED, Turn.State.DEAD, Turn.State.STOPPED]
    return bool(
        Turn.objects.filter(
            pk=turn_id, conversation_id=conversation_id, state__in=states, conversation__erased_at=None,
            conversation__chat_user__person__blocked_at=None,
        ).update(
            state=Turn.State.QUEUED, attempts=0, stop_requested=False, reason="", live_id="", finished_at=None,
            run_after=Now(),
        )
    )  # fmt: skip
