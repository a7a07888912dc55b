"""The websocket, as a page or a program uses it."""

from __future__ import annotations

import uuid

import pytest

from bots.threads import in_thread
from channels_integrations.setup import Setup
from conversations import accept
from conversations.models import Conversation, Message, Turn
from tests.conversations.socket_client import clients, stored

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]


async def test_a_visitor_asks_and_the_answer_streams(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        assert one.ready["conversation"] is None
        assert (one.ready["bot"]["slug"], one.ready["bot"]["demo"], one.history["messages"]) == ("demo", True, [])
        ack = await one.say("hello")
        assert ack["seq"] == 1
        assert one.ready["conversation"] == str((await in_thread(Conversation.objects.get)).pk)
        final = await one.until("message")
        assert (final["seq"], final["role"], final["model"]) == (2, "assistant", "demo/demo")
        assert "<p>" in final["html"]
        deltas = [frame for frame in one.frames if frame["type"] == "delta"]
        numbered = [frame["n"] for frame in one.frames if frame["type"] in {"delta", "block"}]
        assert numbered == list(range(len(numbered)))
        assert "".join(frame["text"] for frame in deltas).strip() == final["text"]
        kinds = [frame["type"] for frame in one.frames]
        assert kinds[:6] == ["ready", "history", "ready", "history", "ack", "start"]


async def test_who_comes_back_gets_what_was_missed(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.ask("my name is Ada")
        await one.socket.disconnect()
        again = await client().hello(visitor=one.ready["visitor"], conversation=one.ready["conversation"], after=1)
        assert again.ready["conversation"] == one.ready["conversation"]
        assert [message["seq"] for message in again.history["messages"]] == [2]
        assert "Ada" in await again.ask("what is my name?")
        cookie = f"other=1; switchboard_visitor={one.ready['visitor']}".encode()
        by_cookie = await client((b"cookie", cookie)).hello()
        assert [message["seq"] for message in by_cookie.history["messages"]] == [1, 2, 3, 4]


async def test_history_is_the_last_fifty(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.say("/status")
        where = {"conversation_id": one.ready["conversation"], "channel_id": demo.channel_id}
        rows = [Message(**where, seq=seq, role="user", text="x") for seq in range(100, 160)]
        await in_thread(Message.objects.bulk_create, rows)
        again = await client().hello(visitor=one.ready["visitor"])
        assert again.history["more"] is True
        assert [message["seq"] for message in again.history["messages"]] == list(range(110, 160))


async def test_the_longest_message_and_every_alphabet_come_back_unchanged(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        for text in ("x" * 8000, "  שלום 👩‍👩‍👧 ﷽ <b>&amp;</b>\n"):
            await one.ask(text)
        assert [row[2] for row in await stored() if row[1] == "user"] == ["x" * 8000, "  שלום 👩‍👩‍👧 ﷽ <b>&amp;</b>\n"]


async def test_a_message_sent_again_is_one_message(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        for _ in range(3):
            await one.tell("message", id="same", text="hello")
        acks = [await one.until("ack") for _ in range(3)]
        assert {(ack["seq"], ack["message_id"]) for ack in acks} == {(1, acks[0]["message_id"])}
        await one.socket.disconnect()
        again = await client().hello(visitor=one.ready["visitor"])
        await again.tell("message", id="same", text="hello")
        assert (await again.until("ack"))["seq"] == 1
        assert await in_thread(Turn.objects.count) == 1


async def test_a_lost_ack_does_not_lead_back_into_an_ended_conversation(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.tell("message", id="first", text="hello")
        await one.until("message", role="assistant")
        await one.tell("new")
        await one.until("history")
        await one.tell("message", id="first", text="hello")
        await one.until("ack", id="first")
        assert one.ready["conversation"] is None


@pytest.mark.parametrize("how", ["frame", "command"])
async def test_stop_acts_at_once_and_keeps_what_was_said(demo: Setup, how: str) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.say("show me Markdown")
        await one.until("delta")
        await (one.tell("stop") if how == "frame" else one.tell("message", id="s", text="/stop"))
        final = await one.until("message", role="assistant")
        assert final["stopped"] is True
        assert "That was all." not in final["text"]
        turn = await in_thread(Turn.objects.order_by("first_seq").first)
        assert turn is not None and turn.state == "stopped"


async def test_a_stopped_answer_can_be_tried_again(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.say("show me Markdown")
        start = await one.until("start")
        await one.tell("stop")
        await one.until("message", role="assistant")
        await one.tell("retry", turn=start["turn"])
        assert "That was all." in (await one.until("message", role="assistant"))["text"]
        await one.tell("retry", turn=start["turn"])
        assert (await one.until("error"))["code"] == "not_found"


async def test_two_tabs_see_the_same(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.ask("my name is Ada")
        two = await client().hello(visitor=one.ready["visitor"])
        assert [message["seq"] for message in two.history["messages"]] == [1, 2]
        await one.say("what is my name?")
        theirs = await two.until("message")
        assert (theirs["role"], theirs["text"], theirs["seq"]) == ("user", "what is my name?", 3)
        assert (await two.until("message"))["text"] == (await one.until("message", role="assistant"))["text"]
        for tab in (one, two):
            assert await tab.socket.receive_nothing(1.5)  # the poll of the rows brings nothing twice
        assert [frame["seq"] for frame in one.frames if frame["type"] == "message"] == [2, 4]


async def test_a_second_blank_tab_joins_with_the_history_before_its_own_words(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        two = await client().hello(visitor=one.ready["visitor"])
        await one.ask("my name is Ada")
        ack = await two.say("what is my name?")
        assert ack["seq"] == 3
        assert two.ready["conversation"] == one.ready["conversation"]
        assert [message["seq"] for message in two.history["messages"]] == [1, 2]
        assert "Ada" in (await two.until("message", role="assistant"))["text"]


async def test_who_comes_while_an_answer_runs_misses_and_doubles_nothing(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.say("show me Markdown")
        for _ in range(10):
            await one.until("delta")
        late = await client().hello(visitor=one.ready["visitor"])
        start = await late.next()
        assert start["type"] == "start"
        await late.until("message", role="assistant")
        await one.until("message", role="assistant")
        came = [frame["n"] for frame in late.frames if frame["type"] in {"delta", "block"}]
        everything = [frame["n"] for frame in one.frames if frame["type"] in {"delta", "block"}]
        assert came == everything[start["n"] :]
        assert 0 < len(came) < len(everything)


async def test_disconnecting_does_not_end_the_turn(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.say("show me Markdown")
        await one.until("delta")
        await one.socket.disconnect()
        again = await client().hello(visitor=one.ready["visitor"], conversation=one.ready["conversation"], after=1)
        final = await again.until("message", role="assistant")
        assert "That was all." in final["text"]


@pytest.mark.parametrize("how", ["frame", "command", "idle"])
async def test_a_new_conversation_begins_with_ready_and_an_empty_history(demo: Setup, how: str) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.ask("my name is Ada")
        first = one.ready["conversation"]
        if how == "frame":
            await one.tell("new")
            await one.until("history")
            assert one.ready["conversation"] is None
        elif how == "command":
            await one.ask("/new")
        else:
            await in_thread(accept.end, uuid.UUID(first))
        assert "not told me" in await one.ask("what is my name?")
        assert one.ready["conversation"] not in {first, None}
        assert one.history["messages"] == []
        await one.tell("conversations")
        items = (await one.until("conversations"))["items"]
        assert [item["id"] for item in items] == [one.ready["conversation"], first]
        await one.tell("open", conversation=first)
        await one.until("history")
        assert one.history["messages"][0]["text"] == "my name is Ada"


async def test_nothing_of_the_old_conversation_comes_after_the_new_ones_ready(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.say("show me Markdown")
        await one.until("delta")
        await one.tell("new")
        await one.until("ready")
        assert (await one.next())["type"] == "history"
        assert await one.socket.receive_nothing(1)
        await one.ask("hello")
        assert [row[1] for row in await stored()].count("assistant") == 2


async def test_an_answer_is_rated(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.say("hello")
        answer = await one.until("message", role="assistant")
        await one.tell("feedback", message_id=answer["id"], value=1)
        await one.tell("ping")
        assert (await one.next())["type"] == "pong"
        assert (await in_thread(Message.objects.get, pk=answer["id"])).feedback == 1
