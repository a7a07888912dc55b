"""The outbox where a send's outcome is unknown: what each kind of platform was promised, and no more sends than it."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from bots.threads import in_thread
from channels_integrations.base import Capabilities, ChannelError
from channels_integrations.platforms.webhook.adapter import Webhook
from channels_integrations.setup import Setup
from conversations import delivery, undone
from conversations.accept import accept
from conversations.models import Delivery, Message
from conversations.pipeline import answer
from tests.conversations.conftest import delivered, said
from tests.fakes.webhook_receiver import Answer, Receiver

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]


@pytest.fixture(autouse=True)
def impatient(settings: Any) -> None:
    settings.SEND_SECONDS = 0.4


def able(monkeypatch: pytest.MonkeyPatch, **more: Any) -> None:
    changed: Capabilities = dataclasses.replace(Webhook.capabilities, **{"waits": (0.05,) * 5, **more})
    monkeypatch.setattr(Webhook, "capabilities", changed)


async def sent(hook: Setup, text: str = "hello") -> Delivery:
    """The first part of an answer, after everything that is done about it."""
    accepted = await in_thread(accept, hook, said(text))
    reply = await answer(accepted.conversation_id)
    assert reply is not None and reply.to_send
    await delivered(accepted.conversation_id)
    return await in_thread(Delivery.objects.get, part=0)


@pytest.mark.parametrize(
    ("resend", "hangs", "state", "calls"),
    [
        ("keyed", 1, "sent", 2),
        ("keyed", 3, "sent", 4),
        ("once", 1, "sent", 2),
        ("once", 2, "unknown", 2),
        ("never", 1, "unknown", 1),
    ],
)
async def test_taken_and_then_silent(
    hook: Setup, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, resend: str, hangs: int, state: str, calls: int
) -> None:
    able(monkeypatch, resend=resend)
    receiver.script(*[Answer(hang=1.0)] * hangs)
    row = await sent(hook)
    assert (row.state, row.ambiguous, len(receiver.calls)) == (state, True, calls)
    assert len({call.id for call in receiver.calls}) == 1


@pytest.mark.parametrize(
    ("resend", "state", "calls"), [("keyed", "sent", 1), ("once", "sent", 1), ("never", "unknown", 0)]
)
async def test_found_sending_after_a_crash(
    hook: Setup, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, resend: str, state: str, calls: int
) -> None:
    able(monkeypatch, resend=resend)
    accepted = await in_thread(accept, hook, said("hello"))
    await answer(accepted.conversation_id)
    await in_thread(lambda: Delivery.objects.update(state="sending", attempts=1))  # its process is gone
    await delivered(accepted.conversation_id)
    row = await in_thread(Delivery.objects.get)
    assert (row.state, row.ambiguous, len(receiver.calls)) == (state, True, calls)


@pytest.mark.parametrize(
    ("resend", "attempts", "state"), [("once", 2, "sent"), ("once", 5, "unknown"), ("keyed", 9, "sent")]
)
async def test_found_sending_after_one_crash_more(
    hook: Setup, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, resend: str, attempts: int, state: str
) -> None:
    """Most such sends never left: it is sent again, unless it seems to be what ends its processes."""
    able(monkeypatch, resend=resend)
    accepted = await in_thread(accept, hook, said("hello"))
    await answer(accepted.conversation_id)
    await in_thread(lambda: Delivery.objects.update(state="sending", attempts=attempts, ambiguous=True))
    await delivered(accepted.conversation_id)
    row = await in_thread(Delivery.objects.get)
    assert (row.state, row.ambiguous, len(receiver.calls)) == (state, True, int(state == "sent"))


async def test_a_placeholder_that_another_process_put_meanwhile_is_the_answer(
    hook: Setup, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted = await in_thread(accept, hook, said("hello"))
    await answer(accepted.conversation_id)
    job = await in_thread(delivery._take, accepted.conversation_id)
    assert isinstance(job, delivery.Sending)
    await in_thread(lambda: Delivery.objects.update(token=2, platform_id="theirs"))  # taken over meanwhile
    assert not await in_thread(job.row.note_place, "ours")
    assert (await in_thread(Delivery.objects.get)).platform_id == "theirs"


async def test_a_long_answer_goes_out_in_parts_and_goes_on_where_it_stopped(
    hook: Setup, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    able(monkeypatch, max_length=100)
    receiver.script(Answer(), Answer(), Answer(status=500))
    await sent(hook, "show me Markdown")
    rows = await in_thread(lambda: list(Delivery.objects.order_by("part")))
    assert 4 < len(rows) <= 10
    assert {row.state for row in rows} == {"sent"}
    assert [body["text"] for body in receiver.taken()] == [row.payload["text"] for row in rows]
    answered = await in_thread(Message.objects.get, role="assistant")
    assert letters("".join(body["text"] for body in receiver.taken())) == letters(answered.text)


def letters(text: str) -> str:
    """Without white space and without code fences, which close and open again at the cuts."""
    return "".join(re.sub(r"```\w*", "", text).split())


async def test_what_was_not_sent_in_time_is_expired(
    hook: Setup, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    able(monkeypatch, keep_trying=0.3, waits=(0.5,) * 5)
    receiver.script(Answer(status=503))
    row = await sent(hook)
    assert (row.state, len(receiver.calls)) == ("expired", 1)


async def test_two_processes_send_a_part_once(hook: Setup, receiver: Receiver) -> None:
    accepted = await in_thread(accept, hook, said("hello"))
    await answer(accepted.conversation_id)
    await asyncio.gather(*(delivery.deliver(accepted.conversation_id) for _ in range(8)))
    await delivered(accepted.conversation_id)
    assert len(receiver.calls) == 1


async def test_a_late_process_changes_nothing(hook: Setup, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    accepted = await in_thread(accept, hook, said("hello"))
    await answer(accepted.conversation_id)
    job = await in_thread(delivery._take, accepted.conversation_id)
    assert isinstance(job, delivery.Sending)
    await in_thread(lambda: Delivery.objects.update(token=2))  # taken over meanwhile
    await in_thread(delivery._settle, job.row, Webhook.capabilities, "late")
    assert (await in_thread(Delivery.objects.get)).state == "sending"


async def test_who_slept_between_reading_a_part_and_taking_it_does_not_send_it(hook: Setup, receiver: Receiver) -> None:
    """Though a refusal that was not the part's fault put its state and attempts back to what they were."""
    accepted = await in_thread(accept, hook, said("hello"))
    await answer(accepted.conversation_id)
    slept = await in_thread(delivery._head, accepted.conversation_id)
    job = await in_thread(delivery._take, accepted.conversation_id)
    assert isinstance(job, delivery.Sending)
    await in_thread(delivery._settle, job.row, job.able, ChannelError("busy", permanent=False, retry_after=60))
    now = await in_thread(Delivery.objects.get)
    assert (now.state, now.attempts) == (slept.state, slept.attempts) == ("new", 0)
    assert not await in_thread(lambda: slept.move(state="sending", attempts=1, token=slept.token + 1))


async def test_rates_hold_back_and_lose_nothing(
    hook: Setup, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    able(monkeypatch, max_length=60, chat_rate="2/second")
    await sent(hook, "show me Markdown")
    times = [call.at for call in receiver.calls]
    assert len(times) > 4
    assert all(later - earlier > 0.9 for earlier, later in zip(times, times[2:], strict=False))


async def test_parts_behind_one_that_has_to_wait_are_not_due(hook: Setup) -> None:
    accepted = await in_thread(accept, hook, said("hello"))

    def later() -> None:
        wait = timezone.now() + timedelta(hours=1)
        for part in range(3):
            Delivery.objects.create(message_id=accepted.message_id, part=part, payload={"text": "x"})
        Delivery.objects.filter(part=0).update(run_after=wait)

    await in_thread(later)
    assert await in_thread(delivery.due) == []
    assert (await in_thread(undone.undone))["deliveries"].overdue == 0
    await in_thread(lambda: Delivery.objects.filter(part=0).update(run_after=timezone.now()))
    assert await in_thread(delivery.due) == [accepted.conversation_id]
