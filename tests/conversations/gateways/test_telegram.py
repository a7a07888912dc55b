"""People write on Telegram, and the bot answers there."""

from __future__ import annotations

from typing import Any

import pytest

from bots.threads import in_thread
from channels_integrations.models import ChannelConfig, Listener
from channels_integrations.setup import Setup, setup_of
from conversations import delivery
from conversations.accept import accept
from conversations.models import Conversation, Delivery, Message, Turn
from conversations.pipeline import answer
from tests.conversations.conftest import delivered, said, until, until_stored
from tests.conversations.gateways.conftest import listening, open_channel
from tests.fakes.telegram_server import Fault, TelegramServer

pytestmark = [pytest.mark.django_db(transaction=True)]
GROUP = -1001


async def opened(demo: Setup, telegram: TelegramServer, **config: Any) -> ChannelConfig:
    return await in_thread(lambda: open_channel(demo, "telegram", telegram.bot.token, **config))


async def heard(row: ChannelConfig) -> None:
    """Somebody listens to the channel."""
    await until_stored(lambda: Listener.objects.filter(channel=row, state="listening").exists())
    await until_stored(lambda: bool(ChannelConfig.objects.get(pk=row.pk).account))


def texts(telegram: TelegramServer) -> list[str]:
    """What stands in the chats now."""
    return telegram.bot.texts()


async def all_sent(count: int = 1) -> None:
    await until_stored(lambda: Delivery.objects.filter(state="sent").count() >= count)


async def test_a_private_message_is_answered_and_the_account_is_known(demo: Setup, telegram: TelegramServer) -> None:
    row = await opened(demo, telegram)
    async with listening():
        await heard(row)
        telegram.bot.say("what is 6 * 7?")
        await all_sent()
    assert len(texts(telegram)) == 1 and "42" in texts(telegram)[0]
    assert (await in_thread(ChannelConfig.objects.get, pk=row.pk)).account == "@hal_bot"
    assert {command["command"] for command in telegram.bot.commands} >= {"help", "new", "model", "human"}


async def test_a_long_private_answer_is_drafted_first_and_sent_once(demo: Setup, telegram: TelegramServer) -> None:
    row = await opened(demo, telegram)
    async with listening():
        await heard(row)
        telegram.bot.say("show me Markdown")
        await all_sent()
    assert telegram.bot.typed
    assert len(texts(telegram)) == 1 and "That was all." in texts(telegram)[0]
    assert all(text for _chat, _draft, text in telegram.bot.drafts)


async def test_in_a_group_an_answer_is_placed_and_filled_and_quotes_its_question(
    demo: Setup, telegram: TelegramServer
) -> None:
    row = await opened(demo, telegram)
    async with listening():
        await heard(row)
        telegram.bot.say("what is 1 + 1?", group=GROUP)
        asked = telegram.bot.say("@hal_bot what is 6 * 7?", group=GROUP)
        await all_sent()
    (sent,) = telegram.bot.sent
    assert [call.data["text"] for call in telegram.called("sendMessage")] == ["…"]
    assert "42" in sent.text
    assert sent.reply_to == asked["message"]["message_id"]
    assert [message.text for message in await in_thread(lambda: list(Message.objects.filter(role="user")))] == [
        "what is 6 * 7?"
    ]


async def test_a_topic_is_a_conversation_of_its_own(demo: Setup, telegram: TelegramServer) -> None:
    row = await opened(demo, telegram)
    async with listening():
        await heard(row)
        telegram.bot.say("@hal_bot hello", group=GROUP, thread=5)
        telegram.bot.say("@hal_bot hello", group=GROUP)
        await all_sent(2)
    assert {sent.thread for sent in telegram.bot.sent} == {5, None}
    assert await in_thread(Conversation.objects.count) == 2


async def test_a_group_that_asks_for_patience_is_left_alone_in_all_its_topics(
    demo: Setup, telegram: TelegramServer
) -> None:
    row = await opened(demo, telegram)
    setup = await in_thread(setup_of, row.pk)
    asked = [said("what is 6 * 7?", chat=f"{GROUP}/{topic}") for topic in (5, 6)]
    chats = [(await in_thread(accept, setup, one)).conversation_id for one in asked]
    for chat in chats:
        assert await answer(chat)
    telegram.script(Fault(method="sendMessage", retry_after=1))
    waits = [await delivery.deliver(chat) or 0 for chat in chats]
    assert all(0 < wait < 1.2 for wait in waits)
    assert len(telegram.called("sendMessage")) == 1
    for chat in chats:
        await delivered(chat)
    assert not telegram.early
    assert {sent.thread for sent in telegram.bot.sent} == {5, 6}


async def test_a_button_does_what_it_says_and_its_press_is_acknowledged(demo: Setup, telegram: TelegramServer) -> None:
    row = await opened(demo, telegram)
    async with listening():
        await heard(row)
        telegram.bot.say("/model")
        await all_sent()
        sent = telegram.bot.sent[0]
        telegram.bot.press(sent, "demo/brief")
        await all_sent(2)
        await until(lambda: bool(telegram.bot.answered))
    assert "demo/brief" in texts(telegram)[1]


async def test_what_cannot_be_read_is_answered_with_a_sentence_and_a_sticker_is_not(
    demo: Setup, telegram: TelegramServer
) -> None:
    row = await opened(demo, telegram)
    async with listening():
        await heard(row)
        telegram.bot.say(None, sticker={"file_id": "s", "emoji": "x"})
        telegram.bot.say(None, photo=[{"file_id": "p", "width": 1, "height": 1}], caption="what is this?")
        await all_sent()
    assert await in_thread(Turn.objects.count) == 1
    assert len(texts(telegram)) == 1


async def test_an_album_is_answered_once(demo: Setup, telegram: TelegramServer) -> None:
    row = await opened(demo, telegram)
    async with listening():
        await heard(row)
        for number in range(3):
            telegram.bot.say(None, photo=[{"file_id": f"p{number}", "width": 1, "height": 1}], media_group_id="77")
        telegram.bot.say("what is 6 * 7?")
        await all_sent(2)
    assert len(texts(telegram)) == 2
    assert await in_thread(Message.objects.filter(role="user").count) == 4


async def test_who_blocks_the_bot_is_sent_nothing_until_they_write_again(demo: Setup, telegram: TelegramServer) -> None:
    row = await opened(demo, telegram)
    async with listening():
        await heard(row)
        telegram.bot.say("hello")
        await all_sent()
        telegram.bot.block(7)
        await until_stored(lambda: Conversation.objects.filter(unreachable_at__isnull=False).exists())
        telegram.bot.block(7, unblock=True)
        telegram.bot.say("hello again")
        await all_sent(2)
    assert not await in_thread(Conversation.objects.filter(unreachable_at__isnull=False).exists)


async def test_a_revoked_token_marks_the_channel_and_its_answers_wait(demo: Setup, telegram: TelegramServer) -> None:
    row = await opened(demo, telegram)
    async with listening():
        await heard(row)
        telegram.bot.say("what is 6 * 7?")
        telegram.revoke(telegram.bot)
        await until_stored(lambda: bool(ChannelConfig.objects.get(pk=row.pk).fault))
    assert not await in_thread(Delivery.objects.filter(state__in=("failed", "expired", "unknown")).exists)
