"""A conversation's page: what was said, safely, and how each answer came about."""

from __future__ import annotations

import pytest
from django.test import Client

from conversations.models import Delivery, Message, ToolCall, Turn
from tests.conversations.admin.conftest import Shop, page, signed_in

pytestmark = pytest.mark.django_db


def _ours(text: str) -> str:
    return text.partition("<staff-conversation")[2].partition("</staff-conversation")[0]


def test_what_people_say_is_text_and_what_bots_say_safe_markdown(operator: Client, shop: Shop) -> None:
    talk = shop.talk("<img src=x onerror=alert(1)> **no**", "**yes** <script>alert(1)</script>")
    text = _ours(operator.get(page(talk)).content.decode())
    assert "&lt;img src=x onerror=alert(1)&gt; **no**" in text
    assert "<strong>yes</strong>" in text
    assert "<script>alert" not in text and "<img" not in text


def test_beside_an_answer_stands_how_it_came_about(operator: Client, shop: Shop) -> None:
    talk = shop.talk("Where?", "There.")
    turn, answer = Turn.objects.get(), Message.objects.get(role="assistant")
    shop.bot.write_prompt("You sell parcels.")
    shop.call(turn, None, prompt_version=shop.bot.prompt_versions.get(), output_tokens=None)
    ToolCall.objects.create(turn=turn, round=1, position=0, call_id="c", name="calculate", effects="none", state="done")
    Turn.objects.update(state="failed", reason="the model did not answer", attempts=2)
    Delivery.objects.create(message=answer, part=0, payload={}, state="failed", reason="blocked by the user")
    text = _ours(operator.get(page(talk)).content.decode())
    for said in (
        "<summary>failed, not delivered</summary>", "the model did not answer", "own/big (the bot&#x27;s)",
        "version 1", "<dd>1,200</dd>", "<dt>Tokens out</dt><dd>unknown</dd>", "<dt>Cost</dt><dd>unknown</dd>",
        "<dd>1.50 s</dd>", "<dd>0.40 s</dd>", "<dt>Attempts</dt><dd>2</dd>", "calculate (done)",
        "not delivered: blocked by the user",
    ):  # fmt: skip
        assert said in text, said
    assert f"/admin/conversations/turn/{turn.pk}/" not in text


def test_only_who_may_see_the_engine_room_is_led_there(client: Client, shop: Shop) -> None:
    talk = shop.talk("Where?", "There.")
    signed_in(client, shop, "administrator")
    assert f"/admin/conversations/turn/{Turn.objects.get().pk}/" in client.get(page(talk)).content.decode()


def test_a_question_without_an_answer_says_how_it_stands(operator: Client, shop: Shop) -> None:
    talk = shop.talk("Where?")
    Turn.objects.update(state="running")
    text = _ours(operator.get(page(talk)).content.decode())
    assert "is being answered" in text and "data-open" in text


def test_pages_hold_each_message_once(operator: Client, shop: Shop) -> None:
    talk = shop.talk(*(f"word {number}." for number in range(1, 121)))
    seen: list[int] = []
    query: dict[str, int] = {}
    while True:
        shown = operator.get(page(talk), {"part": 1, **query}).context["talk"]
        seen = [line.message.seq for line in shown.lines] + seen
        if shown.earlier is None:
            break
        query = {"before": shown.earlier}
    assert seen == list(range(1, 121))
    newer = operator.get(page(talk), {"part": 1, "after": 118}).context["talk"]
    assert [line.message.seq for line in newer.lines] == [119, 120]
    for nonsense in ("-1", "x", "9" * 40, "½"):
        assert operator.get(page(talk), {"before": nonsense, "after": nonsense}).status_code == 200


def test_an_analyst_reads_and_does_nothing(client: Client, shop: Shop) -> None:
    signed_in(client, shop, "analyst")
    talk = shop.talk("Where?", "There.")
    text = _ours(client.get(page(talk)).content.decode())
    assert "There." in text and "<button" not in text and "data-live" not in text
    assert client.post(page(talk)).status_code == 404


def test_what_was_deleted_is_said_to_be(operator: Client, shop: Shop) -> None:
    from conversations import chats

    talk = shop.talk("Where?", "There.")
    talk.notes.create(person=talk.chat_user.person, text="They asked where.")
    chats.erase(talk)
    text = operator.get(page(talk)).content.decode()
    assert "The person has deleted what was said here." in text
    assert not talk.notes.exists()
