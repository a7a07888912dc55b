"""What is stuck is told by its age, what was given up is listed with its reason and can be tried again."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from bots import environment
from channels_integrations.models import RawEvent
from channels_integrations.setup import Setup
from conversations import events
from conversations.accept import accept
from conversations.models import Delivery, Message, Turn, delivery, turn
from conversations.undone import KINDS, undone
from tests.conversations.conftest import said

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]


@pytest.fixture
def stuck(hook: Setup) -> Setup:
    """One of each kind, two minutes late, and one of each that was given up."""
    environment.sync()
    late = timezone.now() - timedelta(seconds=120)
    for number, state in enumerate(("new", "dead")):
        RawEvent.objects.create(
            channel_id=hook.channel_id, sha256=str(number), body=b"{", state=state, run_after=late, reason="no JSON"
        )
    for chat, turn_state, delivery_state in (("a", "queued", "new"), ("b", "dead", "failed")):
        accepted = accept(hook, said("hello", chat=chat))
        Turn.objects.filter(conversation=accepted.conversation_id).update(
            state=turn_state, run_after=late, reason="poison", live_id="9" if turn_state == "dead" else ""
        )
        Delivery.objects.create(
            message_id=accepted.message_id, part=0, payload={"text": "x"}, state=delivery_state, run_after=late,
            reason="HTTP 404",
        )  # fmt: skip
    return hook


def test_ages_and_counts(stuck: Setup) -> None:
    found = undone()
    assert set(found) == {"events", "turns", "deliveries"}
    assert all(118 < state.overdue < 180 and state.dead == 1 for state in found.values())


def test_what_was_given_up_is_found_by_its_index() -> None:
    """The index holds the rows of GIVEN_UP alone."""
    for module, kind in ((turn, "turns"), (delivery, "deliveries")):
        assert set(KINDS[kind][2]) <= set(module.GIVEN_UP)
        assert {*module.OPEN, *module.GIVEN_UP} < set(KINDS[kind][0].State.values)


def test_what_waits_for_its_hour_or_for_a_person_is_not_late(stuck: Setup) -> None:
    later = timezone.now() + timedelta(hours=1)
    for model in (RawEvent, Delivery):
        model.objects.update(run_after=later)
    Turn.objects.get(state="queued").conversation.__class__.objects.update(owner="human")
    assert {state.overdue for state in undone().values()} == {0.0}


def test_ready_metrics_and_doctor_tell(stuck: Setup, client: Client) -> None:
    ready = client.get("/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert re.search(r"events since 1\d\d s, turns since 1\d\d s", ready.json()["checks"]["undone"]["detail"])
    metrics = client.get("/metrics").content.decode()
    assert re.search(r'switchboard_overdue_seconds\{kind="turns"\} 1\d\d\.', metrics)
    assert 'switchboard_dead{kind="deliveries"} 1.0' in metrics
    assert "switchboard_fenced_writes_total" in metrics
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("doctor", stdout=out)
    assert "FAIL  overdue" in out.getvalue()
    assert "dead turns: 1 were given up" in out.getvalue()


def told(*arguments: str) -> str:
    out = io.StringIO()
    call_command("replay_dead_letters", *arguments, stdout=out)
    return out.getvalue()


def test_dead_letters_are_listed_and_replayed(stuck: Setup) -> None:
    listed = told("--list")
    assert all(text in listed for text in ("dead: no JSON", "dead: poison", "failed: HTTP 404"))
    assert told("turns", "--id", str(Turn.objects.get(state="dead").pk)).startswith("1 turns")
    assert told().splitlines() == [
        f"{n} {kind} will be tried again." for n, kind in ((1, "events"), (0, "turns"), (1, "deliveries"))
    ]
    assert not Turn.objects.exclude(state="queued", live_id="").exists()  # the notice stays in the message it is in
    assert set(Delivery.objects.values_list("state", flat=True)) == {"new"}
    with pytest.raises(CommandError, match="no kind 'nonsense'"):
        told("nonsense")


def test_a_replayed_event_is_read_anew(hook: Setup) -> None:
    events.store(hook.channel_id, b'{"id": "1", "chat_id": "c", "sender_id": "p", "text": "hello"}')
    RawEvent.objects.update(state="dead", attempts=9)
    told("events")
    assert len((events.read(hook.channel_id) or events.Read()).claims) == 1
    assert Message.objects.get().text == "hello"


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("turns", "conversations/turn"), ("deliveries", "conversations/delivery"),
        ("events", "channels_integrations/rawevent"),
    ],
)  # fmt: skip
def test_staff_try_again_in_the_admin(stuck: Setup, client: Client, kind: str, path: str) -> None:
    client.force_login(get_user_model().objects.create_superuser("root"))
    page: Any = client.get(f"/admin/{path}/")
    rows = [str(row.pk) for row in page.context["cl"].result_list]
    assert len(rows) == 2
    answer = client.post(f"/admin/{path}/", {"action": "try_again", "_selected_action": rows}, follow=True)
    assert "1 will be tried again." in answer.content.decode()
    assert undone()[kind].dead == 0
