"""The webhook channel: signed calls in, signed replies out, over sockets on both sides."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from django.db import OperationalError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bots.remember import forget
from channels_integrations.models import ChannelConfig, RawEvent
from channels_integrations.setup import Setup
from conversations import events
from conversations.models import Conversation, Delivery, Message, Turn
from tests.fakes.webhook_receiver import SECRET, Answer, Receiver, signed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]


@pytest.fixture
def channel(hook: Setup) -> ChannelConfig:
    row: ChannelConfig = ChannelConfig.objects.get(pk=hook.channel_id)
    return row


@pytest.fixture
def post(channel: ChannelConfig, address: str) -> Iterator[Callable[..., Any]]:
    with httpx2.Client(base_url=address, timeout=20) as client:

        def call(body: Any, headers: dict[str, str] | None = None) -> Any:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            path = f"/webhooks/webhook/{channel.pk}/"
            return client.post(path, content=raw, headers=signed(raw) if headers is None else headers)

        yield call


def event(text: str = "hello", **more: Any) -> dict[str, Any]:
    return {"id": uuid.uuid4().hex, "chat_id": "c1", "sender_id": "p1", "sender_name": "Ada", "text": text, **more}


def until(holds: Callable[[], Any], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_signed_message_is_answered_by_a_signed_call(post: Callable[..., Any], receiver: Receiver) -> None:
    assert post(event("my name is Ada")).status_code == 200
    until(receiver.taken)
    assert post(event("what is my name?")).status_code == 200
    until(lambda: len(receiver.taken()) == 2)
    assert all(call.genuine for call in receiver.calls)
    assert "Ada" in receiver.taken()[1]["text"]
    assert receiver.taken()[1]["chat_id"] == "c1"
    until(lambda: Delivery.objects.filter(state="sent").count() == 2)
    assert set(Delivery.objects.values_list("platform_id", flat=True)) == {call.id for call in receiver.calls}


def test_the_same_call_sixteen_times_at_once_is_one_turn(post: Callable[..., Any], receiver: Receiver) -> None:
    body = json.dumps(event()).encode()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: post(body).status_code, range(16)))
    assert set(answers) == {200}
    until(receiver.taken)
    time.sleep(0.5)
    assert (Turn.objects.count(), len(receiver.calls), RawEvent.objects.count()) == (1, 1, 1)


def test_the_same_event_in_other_bytes_is_one_turn(post: Callable[..., Any], receiver: Receiver) -> None:
    one = event()
    post(one)
    post({"events": [one]})
    until(lambda: RawEvent.objects.filter(state="done").count() == 2)
    assert Turn.objects.count() == 1


def test_a_bad_entry_does_not_stop_the_others(post: Callable[..., Any], receiver: Receiver) -> None:
    entries: list[Any] = [event(f"{n} + 1", chat_id=f"c{n}") for n in range(5)]
    entries[2] = {"id": "x", "chat_id": 7}
    assert post({"events": entries}).status_code == 200
    until(lambda: len(receiver.taken()) == 4)
    row = RawEvent.objects.get()
    assert row.state == "dead"
    assert "chat_id" in row.reason


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"events": 5}', b"9" * 5_000])
def test_what_cannot_be_read_is_kept_and_never_a_5xx(post: Callable[..., Any], body: bytes) -> None:
    assert post(body).status_code == 200
    until(lambda: RawEvent.objects.filter(state="dead").exists())
    row = RawEvent.objects.get()
    assert row.reason
    assert bytes(row.body) == body
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("text", "told"), [("x" * 9_000, "too long"), ("", "only read text"), (" \n", "only read text")]
)
def test_what_the_bot_cannot_read_gets_a_sentence(
    post: Callable[..., Any], receiver: Receiver, text: str, told: str
) -> None:
    post(event(text))
    until(receiver.taken)
    assert told in receiver.taken()[0]["text"]


def test_odd_ids_and_texts_are_stored_as_far_as_they_can_be(post: Callable[..., Any], receiver: Receiver) -> None:
    odd = event("a\0b", chat_id="c\0", sender_id="é" * 200, sender_name="\0")
    assert post(odd).status_code == 200
    until(receiver.taken)
    assert Message.objects.get(role="user").text == "ab"


BAD_HEADERS: list[Callable[[bytes], dict[str, str]]] = [
    lambda body: {},
    lambda body: signed(body, secret="whsec_" + "QUJD" * 10),
    lambda body: signed(body + b" "),
    lambda body: signed(body, at=time.time() - 400),
    lambda body: signed(body, at=time.time() + 400),
    lambda body: {**signed(body), "webhook-signature": "v1,"},
    lambda body: {**signed(body), "webhook-signature": "v2" + signed(body)["webhook-signature"][2:]},
    lambda body: {**signed(body), "webhook-signature": "=" * 4_000},
    lambda body: {**signed(body), "webhook-timestamp": "1" * 5_000},
    lambda body: {**signed(body), "webhook-timestamp": "1_0"},
    lambda body: {**signed(body), "webhook-id": ""},
    lambda body: {**signed(body), "webhook-id": "a.b"},
]


@pytest.mark.parametrize("headers", BAD_HEADERS)
def test_a_call_that_is_not_theirs_is_401_and_stores_nothing(
    post: Callable[..., Any], headers: Callable[[bytes], dict[str, str]]
) -> None:
    body = json.dumps(event()).encode()
    answer = post(body, headers(body))
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_signature")
    assert not RawEvent.objects.exists()


@given(
    names=st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]),
    value=st.text(st.characters(max_codepoint=0xFF, exclude_characters="\r\n\0"), max_size=60),
)
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), database=None)
def test_the_verifier_never_raises_anything_else(names: str, value: str) -> None:
    from channels_integrations.base import BadSignature
    from channels_integrations.platforms.webhook import signature

    headers = {**signed(b"body"), names: value}
    key = signature.key_of(SECRET)
    try:
        signature.check(key, headers, b"body")
    except BadSignature:
        return
    assert headers == signed(b"body", at=float(headers["webhook-timestamp"]), message_id=headers["webhook-id"])


def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    import hmac

    from channels_integrations.platforms.webhook import signature

    compared: list[tuple[bytes, bytes]] = []

    def compare(left: bytes, right: bytes) -> bool:
        compared.append((left, right))
        return left == right

    monkeypatch.setattr(hmac, "compare_digest", compare)
    signature.check(signature.key_of(SECRET), signed(b"body"), b"body")
    assert len(compared) == 1


def test_an_unknown_or_unset_channel_is_404(post: Callable[..., Any], channel: ChannelConfig, address: str) -> None:
    body = json.dumps(event()).encode()
    for path in (f"/webhooks/webhook/{uuid.uuid4()}/", f"/webhooks/webchat/{channel.pk}/", "/webhooks/webhook/1/"):
        assert httpx2.post(address + path, content=body, headers=signed(body)).status_code == 404
    channel.credentials = None
    channel.save()
    forget()
    assert post(body).status_code == 404  # without a secret the door is shut, not open


def test_while_the_database_is_away_it_says_503_and_when(
    post: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(events, "store", away)
    answer = post(event())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


def test_too_much_is_413_and_other_methods_405(post: Callable[..., Any], channel: ChannelConfig, address: str) -> None:
    assert post(b"x" * 1_100_000).status_code == 413
    assert httpx2.get(f"{address}/webhooks/webhook/{channel.pk}/").status_code == 405


def test_a_refused_send_waits_as_it_was_told_and_keeps_the_order(post: Callable[..., Any], receiver: Receiver) -> None:
    receiver.script(Answer(status=429, retry_after="6"))
    post(event("1 + 1"))
    until(lambda: receiver.calls)
    post(event("2 + 2"))
    until(lambda: len(receiver.taken()) == 2, 30)
    assert receiver.calls[1].at - receiver.calls[0].at >= 6
    assert ["2" in body["text"] for body in receiver.taken()] == [True, False]
    assert len({call.id for call in receiver.calls}) == 2


@pytest.mark.parametrize(("status", "state", "calls"), [(404, "failed", 1), (410, "failed", 1), (302, "new", 1)])
def test_a_permanent_refusal_is_not_tried_again(
    post: Callable[..., Any], receiver: Receiver, status: int, state: str, calls: int
) -> None:
    receiver.script(Answer(status=status))
    post(event())
    until(lambda: Delivery.objects.exclude(reason="").exists())
    row = Delivery.objects.get()
    assert (row.state, row.reason, len(receiver.calls)) == (state, f"HTTP {status}", calls)


def test_a_private_address_is_not_called(post: Callable[..., Any], receiver: Receiver, settings: Any) -> None:
    settings.PRIVATE_NETWORKS = []
    post(event())
    until(lambda: Delivery.objects.filter(state="failed").exists())
    assert receiver.calls == []
    assert "PRIVATE_NETWORKS" in Delivery.objects.get().reason


def test_a_channel_out_of_use_answers_nothing(post: Callable[..., Any], channel: ChannelConfig) -> None:
    channel.is_active = False
    channel.save()
    forget()
    assert post(event()).status_code == 404
    assert not Conversation.objects.exists()
