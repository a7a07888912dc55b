from __future__ import annotations

import asyncio
import dataclasses
import subprocess
import sys

import pytest
from django.db import InterfaceError, OperationalError

from channels_integrations.base import ChannelError, IncomingMessage
from channels_integrations.platforms.discord.adapter import Discord
from tests.channels_integrations.platforms.discord.conftest import Ear, adapter_of, listening, until
from tests.fakes.discord_objects import user
from tests.fakes.discord_rest import Refusal
from tests.fakes.discord_server import DiscordServer


async def test_what_people_say_is_heard_in_its_order(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    async with listening(ear):
        chat = discord.dm_channel()
        for number in range(30):
            discord.dm(f"{number}")
        await until(lambda: len(ear.bodies) == 30)
    assert ear.texts == [str(number) for number in range(30)]
    assert {event.chat_id for event in ear.events} == {chat}
    assert ear.accounts == ["Hal#1234"]


async def test_what_is_not_for_the_bot_is_not_handed_over(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    async with listening(ear):
        discord.say("to each other")
        discord.say("joined", type=7, **discord.mention())
        discord.say("a webhook", webhook_id="9", **discord.mention())
        discord.tell("MESSAGE_CREATE", {
            "id": "5", "channel_id": discord.general, "author": user("8", "Other", bot=True), "content": "a bot",
            "type": 0, "guild_id": discord.guild_id, "member": {"roles": []}, "attachments": [], "embeds": [],
            "edited_timestamp": None, "pinned": False, "mention_everyone": False, "tts": False, **discord.mention(),
        })  # fmt: skip
        discord.say("for you", **discord.mention())
        await until(lambda: ear.bodies)
    assert ear.texts == ["for you"]


async def test_the_bots_role_is_the_bot(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    async with listening(ear):
        await asyncio.sleep(0.2)  # the servers are known
        discord.say(f"<@&{discord.bot.role}> hello", mention_roles=[discord.bot.role])
        await until(lambda: ear.bodies)
    (event,) = ear.events
    assert isinstance(event, IncomingMessage)
    assert (event.text, event.addressed) == ("hello", True)


async def test_threads_are_chats_of_their_own(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    async with listening(ear):
        discord.say("one", **discord.mention())
        discord.say("two", channel=discord.thread, **discord.mention())
        await until(lambda: len(ear.bodies) == 2)
    assert [event.chat_id for event in ear.events] == [discord.general, discord.thread]


async def test_a_broken_connection_is_taken_up_where_it_broke(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    async with listening(ear):
        discord.dm("before")
        await until(lambda: ear.bodies)
        discord.drop()
        discord.dm("meanwhile")
        await until(lambda: len(ear.bodies) == 2 and discord.gateway.resumed)
        discord.dm("after")
        await until(lambda: len(ear.bodies) == 3)
    assert ear.texts == ["before", "meanwhile", "after"]
    assert len(discord.gateway.identified) == 1
    assert len(ear.accounts) == 2


async def test_asked_to_reconnect_it_does(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    async with listening(ear):
        discord.reconnect()
        await until(lambda: discord.gateway.resumed)
        discord.dm("after")
        await until(lambda: ear.bodies)


async def test_after_a_lost_session_the_gap_is_read_before_what_comes(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    async with listening(ear):
        known = [discord.dm("known"), discord.say("known too", **discord.mention())]
        await until(lambda: len(ear.bodies) == 2)
        ear.recent = {told["channel_id"]: told["id"] for told in known} | {"12345": "1", "odd": "x"}
        discord.dm("missed 1", live=False)
        discord.say("missed 2", live=False, **discord.mention())
        discord.say("not for it", live=False)
        discord.dm("missed 3", live=False)
        discord.invalidate()
        await until(lambda: len(ear.accounts) == 2)
        discord.dm("live")
        await until(lambda: len(ear.texts) == 6)
    assert len(discord.gateway.identified) == 2
    assert sorted(ear.texts[2:]) == ["live", "missed 1", "missed 2", "missed 3"]
    assert ear.texts.index("missed 1") < ear.texts.index("missed 3") < ear.texts.index("live")


async def test_a_message_has_the_same_bytes_over_both_ways(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    async with listening(ear):
        discord.say(
            f"<@{discord.bot.id}> hi <@&{discord.bot.role}>", mention_roles=[discord.bot.role], **discord.mention()
        )
        discord.say("in a thread", channel=discord.thread, **discord.mention())
        discord.dm(
            "alone",
            attachments=[
                {"id": "1", "filename": "a.png", "content_type": "image/png", "size": 1, "url": "", "proxy_url": ""}
            ],
        )
        await until(lambda: len(ear.bodies) == 3)
        ear.recent = {discord.general: "1", discord.thread: "1", discord.dm_channel(): "1"}
        discord.invalidate()
        await until(lambda: len(ear.bodies) == 6)
    assert sorted(ear.bodies[:3]) == sorted(ear.bodies[3:])


async def test_long_gaps_are_read_page_by_page(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    for number in range(250):
        discord.dm(str(number), live=False)
    ear.recent = {discord.dm_channel(): "1"}
    async with listening(ear):
        await until(lambda: len(ear.bodies) == 250)
    assert ear.texts == [str(number) for number in range(250)]


async def test_a_chat_that_cannot_be_read_costs_no_other(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    discord.say("secret", live=False, **discord.mention())
    discord.rest.forbidden[discord.general] = 50001
    discord.dm("missed", live=False)
    ear.recent = {discord.general: "1", discord.dm_channel(): "1"}
    async with listening(ear):
        await until(lambda: ear.bodies)
    assert ear.texts == ["missed"]


async def test_the_gap_waits_as_long_as_it_is_told(discord: DiscordServer, hal: Discord) -> None:
    discord.rest.refusals = [Refusal(path="/messages$", status=429, retry_after=0.4, times=1)]
    ear = Ear(hal)
    discord.dm("missed", live=False)
    ear.recent = {discord.dm_channel(): "1"}
    async with listening(ear):
        await until(lambda: ear.bodies)
    assert discord.rest.early == 0


@pytest.mark.parametrize("reason", [OperationalError, InterfaceError])
async def test_what_cannot_be_stored_is_offered_until_it_is(
    discord: DiscordServer, hal: Discord, reason: type[Exception]
) -> None:
    ear = Ear(hal)
    ear.broken, ear.reason = 3, reason
    async with listening(ear):
        discord.dm("first")
        discord.dm("second")
        await until(lambda: len(ear.bodies) == 2)
    assert ear.texts == ["first", "second"]


async def test_interactions_do_not_wait_for_the_gap(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    for number in range(20):
        discord.dm(str(number), live=False)
    ear.recent = {discord.dm_channel(): "1"}
    ear.slow = 0.1
    async with listening(ear):
        called = discord.invoke("help")
        await until(lambda: discord.rest.interactions[called["token"]].noticed)
        assert len(ear.bodies) < 20


async def test_an_interaction_hides_no_message_before_it(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    chat = discord.dm_channel()
    known = discord.dm("known", live=False)

    async def recent() -> dict[str, str]:
        await asyncio.sleep(0.2)
        told = [known["id"], *(event.event_id for event in ear.events)]
        return {chat: max(told, key=int)}

    discord.dm("missed", live=False)
    place = dataclasses.replace(ear.place(), recent=recent)
    task = asyncio.create_task(hal.listen(place, ear.handle, ear.ready))
    await until(lambda: ear.accounts)
    discord.invoke("help", channel=chat)
    await until(lambda: len(ear.bodies) == 2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert sorted(ear.texts) == ["", "missed"]


async def test_odd_events_are_kept_and_stop_nothing(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    async with listening(ear):
        discord.tell("INTERACTION_CREATE", {"id": "1", "type": 2, "data": {"name": ["x"]}})
        discord.tell("MESSAGE_CREATE", {"id": "1", "author": "x"})
        discord.dm("after")
        await until(lambda: len(ear.bodies) == 3)
    for body in ear.bodies[:2]:
        with pytest.raises(ValueError, match="type"):
            hal.parse(body)
    assert ear.texts[-1] == "after"


async def test_a_bot_that_may_not_read_says_where_to_allow_it(discord: DiscordServer, hal: Discord) -> None:
    discord.bot.flags = 0
    with pytest.raises(ChannelError) as told:
        await hal.listen(Ear(hal).place(), Ear(hal).handle, Ear(hal).ready)
    assert f"https://discord.com/developers/applications/{discord.bot.id}/bot" in told.value.fault
    assert "Message Content Intent" in told.value.fault


async def test_a_revoked_token_is_a_fault(discord: DiscordServer, hal: Discord) -> None:
    discord.bot.revoked = True
    with pytest.raises(ChannelError) as told:
        await hal.listen(Ear(hal).place(), Ear(hal).handle, Ear(hal).ready)
    assert "refuses this channel's token" in told.value.fault


async def test_a_token_revoked_while_it_listens_is_a_fault(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    async with listening(ear) as task:
        discord.bot.revoked = True
        discord.drop()
        await until(task.done)
    error = task.exception()
    assert isinstance(error, ChannelError)
    assert "token" in error.fault


async def test_a_server_that_is_away_is_no_fault(discord: DiscordServer, hal: Discord, settings: object) -> None:
    settings.DISCORD_API_BASE_URL = "http://127.0.0.1:9/api/v10"  # type: ignore[attr-defined]
    with pytest.raises(ChannelError) as told:
        await hal.listen(Ear(hal).place(), Ear(hal).handle, Ear(hal).ready)
    assert (told.value.fault, told.value.permanent) == ("", False)


async def test_cancelled_it_ends_its_session(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    async with listening(ear):
        pass
    await until(lambda: discord.gateway.closed_with)
    assert discord.gateway.closed_with == [1000]


async def test_several_bots_listen_in_one_process(discord: DiscordServer) -> None:
    bots = [*discord.gateway.bots.values()]
    ears = [Ear(adapter_of(bot)) for bot in bots]
    async with listening(ears[0]), listening(ears[1]):
        discord.say("for the one", **discord.mention(bots[0]))
        discord.say("for the other", **discord.mention(bots[1]))
        await until(lambda: all(ear.bodies for ear in ears))
    assert [ear.texts for ear in ears] == [["for the one"], ["for the other"]]


async def test_too_many_sessions_are_not_begun(
    discord: DiscordServer, hal: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels_integrations.platforms.discord.client.MOST_IDENTIFIES", 3)
    discord.gateway.refuse_sessions = 10
    ear = Ear(hal)
    with pytest.raises(ChannelError, match="too often") as told:
        await hal.listen(ear.place(), ear.handle, ear.ready)
    assert told.value.retry_after is not None
    assert told.value.retry_after > 3_000
    assert len(discord.gateway.identified) == 3


@pytest.mark.parametrize("left", [0, 49])
async def test_the_last_sessions_of_the_day_are_not_begun(discord: DiscordServer, hal: Discord, left: int) -> None:
    discord.bot.sessions_left = left
    ear = Ear(hal)
    with pytest.raises(ChannelError, match=f"only {left} new sessions are left") as told:
        await hal.listen(ear.place(), ear.handle, ear.ready)
    assert (told.value.permanent, told.value.fault, told.value.retry_after) == (False, "", 7_200)
    assert discord.gateway.identified == []


async def test_whether_sessions_are_left_is_asked_before_each(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    async with listening(ear) as task:
        discord.bot.sessions_left = 49
        discord.invalidate()
        await until(task.done)
    assert "49 new sessions" in str(task.exception())
    assert len(discord.gateway.identified) == 1


@pytest.mark.parametrize("status", [500, 403, 429])
async def test_it_listens_where_nobody_says_how_many_are_left(
    discord: DiscordServer, hal: Discord, status: int
) -> None:
    discord.rest.refusals = [Refusal(path="/gateway/bot$", status=status, times=10)]
    ear = Ear(hal)
    async with listening(ear):
        discord.dm("hello")
        await until(lambda: ear.bodies)
    assert discord.rest.refusals[0].times == 9


async def test_heartbeats_keep_it_alive(discord: DiscordServer, hal: Discord) -> None:
    discord.gateway.beat_seconds = 0.2
    ear = Ear(hal)
    async with listening(ear):
        await until(lambda: discord.gateway.beats >= 4)
    assert len(discord.gateway.identified) == 1


async def test_breaks_of_every_kind_lose_and_double_nothing(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    said = []
    async with listening(ear):
        for number in range(300):
            told = discord.dm(str(number), who=f"P{number % 3}")
            said.append(told["content"])
            ear.recent.setdefault(told["channel_id"], "1")
            if number % 40 == 20:
                await asyncio.sleep(0.1)
                discord.drop()
            if number == 150:
                discord.invalidate()
            await asyncio.sleep(0.003)
        await until(lambda: len(ear.texts) == 300)
    assert sorted(ear.texts, key=int) == said
    for person in range(3):
        mine = [int(text) for text in ear.texts if int(text) % 3 == person]
        assert mine == sorted(mine)
    assert len(discord.gateway.identified) <= 3


async def test_what_was_heard_is_stored_before_it_ends(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    ear.slow = 0.05
    async with listening(ear):
        await asyncio.sleep(0.2)
        for number in range(10):
            discord.dm(str(number))
        await until(lambda: ear.bodies)
    assert len(ear.bodies) == 10


async def test_more_than_memory_holds_is_read_from_history(
    discord: DiscordServer, hal: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels_integrations.platforms.discord.hearing.MOST_WAITING", 5)
    ear = Ear(hal)
    async with listening(ear):
        await asyncio.sleep(0.2)
        ear.broken = 3
        for number in range(30):
            discord.dm(str(number))
        await until(lambda: len(ear.texts) == 30)
        discord.dm("30")
        await until(lambda: len(ear.texts) == 31)
    assert [int(text) for text in ear.texts] == list(range(31))


def test_the_sdk_is_loaded_for_listening_only() -> None:
    code = (
        "import sys; import channels_integrations.platforms.discord.adapter; "
        "sys.exit('discord' in sys.modules or 'telegram' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
