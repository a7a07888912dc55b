"""People write on Discord, and the bot answers there."""

from __future__ import annotations

from typing import Any

import pytest

from bots.threads import in_thread
from channels_integrations.models import ChannelConfig, Listener
from channels_integrations.setup import Setup
from conversations.models import Conversation, Delivery, Message
from tests.conversations.conftest import until, until_stored
from tests.conversations.gateways.conftest import listening, open_channel
from tests.fakes.discord_server import DiscordServer

pytestmark = [pytest.mark.django_db(transaction=True)]


async def heard(row: ChannelConfig) -> None:
    """Somebody listens to the channel."""
    await until_stored(lambda: Listener.objects.filter(channel=row, state="listening").exists())


def answers(discord: DiscordServer) -> list[str]:
    return [message["content"] for message in discord.sent()]


async def test_a_direct_message_is_answered(demo: Setup, discord: DiscordServer) -> None:
    row = await in_thread(open_channel, demo, "discord", discord.bot.token)
    async with listening():
        await heard(row)
        discord.dm("what is 6 * 7?")
        await until(lambda: any("42" in text for text in answers(discord)))
        await until_stored(lambda: Delivery.objects.filter(state="sent").exists())
    assert len(answers(discord)) == 1
    assert (await in_thread(ChannelConfig.objects.get, pk=row.pk)).account


async def test_in_a_channel_only_who_addresses_the_bot_is_answered(demo: Setup, discord: DiscordServer) -> None:
    row = await in_thread(open_channel, demo, "discord", discord.bot.token)
    async with listening():
        await heard(row)
        discord.say("what is 1 + 1?")
        discord.say(f"<@{discord.bot.id}> what is 6 * 7?", **discord.mention())
        await until(lambda: any("42" in text for text in answers(discord)))
    assert len(answers(discord)) == 1
    assert await in_thread(Message.objects.filter(role="user").count) == 1


async def test_threads_and_messages_of_one_s_own_are_conversations_apart(demo: Setup, discord: DiscordServer) -> None:
    row = await in_thread(open_channel, demo, "discord", discord.bot.token)
    async with listening():
        await heard(row)
        discord.dm("hello")
        for channel in (discord.general, discord.thread):
            discord.say(f"<@{discord.bot.id}> hello", channel=channel, **discord.mention())
        await until(lambda: len(answers(discord)) == 3)
    assert await in_thread(Conversation.objects.count) == 3


async def test_a_slash_command_is_answered_where_it_was_called(demo: Setup, discord: DiscordServer) -> None:
    row = await in_thread(open_channel, demo, "discord", discord.bot.token)
    async with listening():
        await heard(row)
        discord.invoke("model", "demo/brief")
        await until(lambda: any("demo/brief" in text for text in answers(discord)))
    assert (await in_thread(Conversation.objects.get)).model_override_id is not None


async def test_a_button_does_what_it_says(demo: Setup, discord: DiscordServer) -> None:
    row = await in_thread(open_channel, demo, "discord", discord.bot.token)
    async with listening():
        await heard(row)
        discord.dm("/model")
        await until(lambda: bool(discord.sent()))
        button = next(b for line in discord.sent()[0]["components"] for b in line["components"])
        assert button["label"] == "demo/brief"
        discord.press(button["custom_id"], discord.sent()[0])
        await until(lambda: len(answers(discord)) == 2)
    assert "demo/brief" in answers(discord)[1]


async def test_a_long_answer_grows_in_one_message(demo: Setup, discord: DiscordServer, settings: Any) -> None:
    row = await in_thread(open_channel, demo, "discord", discord.bot.token)
    async with listening():
        await heard(row)
        discord.dm("show me Markdown")
        await until_stored(lambda: Delivery.objects.filter(state="sent").exists())
    answered = await in_thread(Message.objects.get, role="assistant")
    assert "That was all." in answers(discord)[-1] and answered.text
    assert len(answers(discord)) == await in_thread(Delivery.objects.count)


async def test_a_refused_token_marks_its_channel_and_no_other(demo: Setup, discord: DiscordServer) -> None:
    bad = await in_thread(open_channel, demo, "discord", "MTIz.x.y", slug="bad")
    good = await in_thread(open_channel, demo, "discord", discord.bot.token)
    async with listening():
        await heard(good)
        await until_stored(lambda: "token" in ChannelConfig.objects.get(pk=bad.pk).fault)
        discord.dm("what is 6 * 7?")
        await until(lambda: any("42" in text for text in answers(discord)))


async def test_a_channel_that_is_switched_off_is_left_within_seconds(demo: Setup, discord: DiscordServer) -> None:
    row = await in_thread(open_channel, demo, "discord", discord.bot.token)
    async with listening() as gateway:
        await heard(row)
        await in_thread(lambda: ChannelConfig.objects.filter(pk=row.pk).update(is_active=False))
        await until(lambda: not gateway._heard)
