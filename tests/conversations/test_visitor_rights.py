"""What visitors may do with what they said: read it again, take it along, end it, delete it."""

from __future__ import annotations

import uuid

import pytest

from bots.threads import in_thread
from channels_integrations.setup import Setup
from conversations import turn_requests
from conversations.models import Conversation, Message, ModelCall, ToolCall, Turn
from tests.conversations.conftest import until_stored
from tests.conversations.socket_client import clients

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_conversation_is_downloaded(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        answer = await one.ask("what is 2 + 3?")
        await one.tell("download", conversation=one.ready["conversation"])
        file = await one.until("download")
        assert file["name"].startswith("conversation-") and file["name"].endswith(".txt")
        assert "what is 2 + 3?" in file["text"] and answer in file["text"]


async def test_a_deleted_conversation_leaves_its_numbers_alone(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.ask("what is 2 + 3?")
        here = one.ready["conversation"]
        other_tab = await client().hello(visitor=one.ready["visitor"])
        await one.tell("delete", conversation=here)
        await one.until("deleted", conversation=here)
        assert one.ready["conversation"] is None
        await other_tab.until("deleted", conversation=here)
        again = await client().hello(visitor=one.ready["visitor"], conversation=here)
        assert (again.ready["conversation"], again.history["messages"]) == (None, [])
        await again.tell("conversations")
        assert (await again.until("conversations"))["items"] == []
        await other_tab.ask("hello")
        assert other_tab.ready["conversation"] not in {None, here}
    kept = await in_thread(Conversation.objects.get, pk=here)
    assert (kept.title, kept.metadata, kept.ended_at is not None, kept.erased_at is not None) == ("", {}, True, True)
    assert await in_thread(lambda: Message.objects.filter(conversation=kept).count()) == 0
    assert await in_thread(lambda: ToolCall.objects.filter(turn__conversation=kept).count()) == 0
    calls = await in_thread(lambda: list(ModelCall.objects.filter(turn__conversation=kept)))
    assert [call.said for call in calls] == [None, None]


async def test_nothing_is_stored_in_a_conversation_deleted_while_it_is_answered(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.say("show me Markdown")
        await one.until("delta")
        here = one.ready["conversation"]
        await one.tell("delete", conversation=here)
        await one.until("deleted")
        assert await one.socket.receive_nothing(1)
    assert await in_thread(Message.objects.count) == 0
    turn = await in_thread(Turn.objects.get)
    assert turn.state == "stopped"
    await until_stored(ModelCall.objects.exists)  # what it cost was spent
    assert not await in_thread(turn_requests.queue_again, turn.conversation_id, turn.pk)


@pytest.mark.parametrize("kind", ["delete", "download", "open"])
async def test_others_conversations_are_not_there(demo: Setup, kind: str) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.ask("hello")
        thief = await client().hello()
        for wanted in (one.ready["conversation"], str(uuid.uuid4())):
            await thief.tell(kind, conversation=wanted)
            assert (await thief.until("error"))["code"] == "not_found"
    assert await in_thread(Message.objects.count) == 2


async def test_an_ended_conversation_stays_to_be_read_until_one_writes_again(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.ask("my name is Ada")
        here = one.ready["conversation"]
        await one.tell("end")
        await one.until("ended", conversation=here)
        again = await client().hello(visitor=one.ready["visitor"], conversation=here)
        assert (again.ready["conversation"], again.ready["ended"]) == (here, True)
        assert len(again.history["messages"]) == 2
        assert "not told me" in await again.ask("what is my name?")
        assert (again.ready["conversation"] != here, again.ready["ended"]) == (True, False)


async def test_older_messages_come_on_demand(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.ask("/status")
        where = {"conversation_id": one.ready["conversation"], "channel_id": demo.channel_id}
        rows = [Message(**where, seq=seq, role="user", text="x") for seq in range(3, 123)]
        await in_thread(Message.objects.bulk_create, rows)
        again = await client().hello(visitor=one.ready["visitor"])
        seen = [message["seq"] for message in again.history["messages"]]
        while again.history["more"]:
            await again.tell("older", before=seen[0])
            await again.until("history")
            assert again.history["older"] is True
            seen = [message["seq"] for message in again.history["messages"]] + seen
        assert seen == list(range(1, 123))


async def test_a_button_says_its_words_once(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.say("/model")
        listing = await one.until("message", role="assistant")
        assert [button["label"] for button in listing["buttons"]] == ["demo/brief"]
        for _ in range(2):
            await one.tell("press", message_id=listing["id"], button=listing["buttons"][0]["id"])
        pressed = await one.until("message", role="user")
        assert pressed["text"] == "/model demo/brief"
        assert "demo/brief" in (await one.until("message", role="assistant"))["text"]
        await one.tell("press", message_id=listing["id"], button="99")
        assert (await one.until("error"))["code"] == "not_found"
    assert await in_thread(lambda: Message.objects.filter(role="user").count()) == 2


async def test_our_own_words_are_in_the_visitors_language(demo: Setup) -> None:
    async with clients() as client:
        one = await client((b"accept-language", b"de-AT,de;q=0.9")).hello()
        assert "Das ist beendet" in await one.ask("/new")
        two = await client((b"accept-language", b"xx")).hello(language="fr")
        assert "Votre prochain message" in await two.ask("/new")
        await two.tell("message", id="long", text="x" * 9_000)
        assert "caractères" in (await two.until("error"))["message"]


async def test_a_new_owner_is_told(demo: Setup) -> None:
    async with clients() as client:
        one = await client().hello()
        await one.ask("hello")
        here = Conversation.objects.filter(pk=one.ready["conversation"])
        await in_thread(lambda: here.update(owner="human"))
        assert (await one.until("owner"))["owner"] == "human"
        again = await client().hello(visitor=one.ready["visitor"])
        assert again.ready["owner"] == "human"
