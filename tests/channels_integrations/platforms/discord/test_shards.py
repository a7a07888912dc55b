"""A bot whose servers Discord tells to several connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise

import pytest

from channels_integrations.base import ChannelError, Sharded
from channels_integrations.platforms.discord import sessions
from channels_integrations.platforms.discord.adapter import Discord
from tests.channels_integrations.platforms.discord.conftest import COMMANDS, Ear, listening, until
from tests.fakes.discord_rest import Refusal
from tests.fakes.discord_server import DiscordServer

SHARDS = 4


@pytest.fixture
def chats(discord: DiscordServer) -> list[str]:
    """A channel of a server of each shard. The bot is in so many servers that Discord wants them all."""
    discord.bot.shards = SHARDS
    discord.gateway.guilds.clear()
    return [discord.channel_on(shard, SHARDS) for shard in range(SHARDS)]


@asynccontextmanager
async def all_listening(ears: list[Ear]) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        entered = [
            stack.enter_async_context(listening(ear, COMMANDS, shard=shard, shards=len(ears)))
            for shard, ear in enumerate(ears)
        ]
        await asyncio.gather(*entered)
        yield


async def test_each_hears_its_own_servers_and_the_first_hears_direct_messages(
    discord: DiscordServer, hal: Discord, chats: list[str]
) -> None:
    ears = [Ear(hal) for _ in chats]
    async with all_listening(ears):
        for chat in chats:
            discord.say(f"in {chats.index(chat)}", channel=chat, **discord.mention())
        discord.dm("alone")
        discord.invoke("help", channel=chats[2])
        await until(lambda: sum(len(ear.bodies) for ear in ears) == SHARDS + 2)
        await asyncio.sleep(0.1)
    assert [sorted(ear.texts) for ear in ears] == [["alone", "in 0"], ["in 1"], ["", "in 2"], ["in 3"]]


async def test_commands_are_registered_once(discord: DiscordServer, hal: Discord, chats: list[str]) -> None:
    async with all_listening([Ear(hal) for _ in chats]):
        assert len(discord.bot.commands) == len(COMMANDS)
    asked = [call.method for call in discord.rest.calls if call.path.endswith("/commands")]
    assert asked == ["GET", "PUT"]


async def test_sessions_are_begun_one_after_the_other(
    discord: DiscordServer, hal: Discord, chats: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "IDENTIFY_PAUSE", 0.5)
    discord.gateway.identify_seconds = 0.4
    async with all_listening([Ear(hal) for _ in chats]):
        assert discord.gateway.too_early == 0
        assert min(later - earlier for earlier, later in pairwise(discord.gateway.identified)) > 0.4
        discord.invalidate()
        await until(lambda: len(discord.gateway.identified) == 2 * SHARDS)
    assert discord.gateway.too_early == 0


async def test_as_many_are_begun_together_as_discord_allows(
    discord: DiscordServer, hal: Discord, chats: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "IDENTIFY_PAUSE", 30.0)
    discord.bot.at_once, discord.gateway.identify_seconds = SHARDS, 30.0
    began = time.monotonic()
    async with all_listening([Ear(hal) for _ in chats]):
        assert time.monotonic() - began < 20
    assert discord.gateway.too_early == 0


async def test_a_session_that_was_begun_too_early_is_begun_later(
    discord: DiscordServer, hal: Discord, chats: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "turns", lambda *_: sessions.Turns())  # as in processes of their own
    monkeypatch.setattr("channels_integrations.platforms.discord.client.INVALID_PAUSE", (0.1, 0.5))
    discord.gateway.identify_seconds = 0.3
    ears = [Ear(hal) for _ in chats]
    async with all_listening(ears):
        assert discord.gateway.too_early
        await until(lambda: all(ear.accounts for ear in ears))


async def test_that_discord_wants_more_is_told_before_a_session_is_begun(
    discord: DiscordServer, hal: Discord, chats: list[str]
) -> None:
    with pytest.raises(Sharded) as told:
        await hal.listen(Ear(hal).place(), Ear(hal).handle, Ear(hal).ready)
    assert (told.value.shards, told.value.fault, told.value.permanent) == (SHARDS, "", False)
    assert discord.gateway.identified == []


async def test_that_discord_wants_more_meanwhile_is_told_when_the_session_ends(
    discord: DiscordServer, hal: Discord
) -> None:
    async with listening(Ear(hal)) as task:
        discord.bot.shards = SHARDS
        discord.invalidate()
        await until(task.done)
    error = task.exception()
    assert isinstance(error, Sharded) and error.shards == SHARDS


@pytest.mark.parametrize(("shards", "wanted", "told"), [(2, 1, None), (6, 4, None), (4, 1, 1), (3, 4, 4)])
async def test_a_few_too_many_do_no_harm(
    discord: DiscordServer, hal: Discord, shards: int, wanted: int, told: int | None
) -> None:
    discord.bot.shards = wanted
    ear = Ear(hal)
    async with listening(ear, shards=shards) as task:
        assert bool(ear.accounts) == (told is None)
        if told is not None:
            error = task.exception()
            assert isinstance(error, Sharded) and error.shards == told


async def test_refused_for_too_few_it_asks_how_many_it_shall_be(
    discord: DiscordServer, hal: Discord, chats: list[str]
) -> None:
    discord.rest.refusals = [Refusal(path="/gateway/bot$", status=500)]
    with pytest.raises(ChannelError, match="4011") as told:
        await hal.listen(Ear(hal).place(), Ear(hal).handle, Ear(hal).ready)
    assert not told.value.fault
    with pytest.raises(Sharded):
        await hal.listen(Ear(hal).place(), Ear(hal).handle, Ear(hal).ready)


async def test_an_odd_number_of_shards_is_none(discord: DiscordServer, hal: Discord) -> None:
    for odd in ("4", None, -1, 1e9, [4]):
        discord.bot.shards = odd  # type: ignore[assignment]
        assert (await sessions.limits(hal._rest)).shards == 0


async def test_each_reads_what_was_missed_in_its_own_chats(
    discord: DiscordServer, hal: Discord, chats: list[str]
) -> None:
    ears = [Ear(hal) for _ in chats]
    dm = discord.dm("alone", live=False)["channel_id"]
    for chat in chats:
        discord.say(f"in {chats.index(chat)}", channel=chat, live=False, **discord.mention())
    for ear in ears:
        ear.recent = dict.fromkeys([dm, *chats], "1")
    async with all_listening(ears):
        await until(lambda: sum(len(ear.bodies) for ear in ears) == SHARDS + 1)
        await asyncio.sleep(0.2)
    assert [sorted(ear.texts) for ear in ears] == [["alone", "in 0"], ["in 1"], ["in 2"], ["in 3"]]
    read = [call.path for call in discord.rest.calls if call.path.endswith("/messages")]
    assert sorted(read) == sorted(f"/channels/{chat}/messages" for chat in [dm, *chats])


async def test_what_could_not_be_read_is_read_by_who_hears_it_after_the_number_has_changed(
    discord: DiscordServer, hal: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels_integrations.platforms.discord.history.TRIES", 1)
    discord.rest.refusals = [Refusal(path="/messages$", status=503)]
    chat = discord.channel_on(1, 2)
    discord.say("missed", channel=chat, live=False, **discord.mention())
    alone = Ear(hal)
    alone.recent = {chat: "1"}
    async with listening(alone):
        await until(lambda: not discord.rest.refusals[0].times)
    ears = [Ear(hal), Ear(hal)]
    async with listening(ears[0], shards=2), listening(ears[1], shard=1, shards=2):
        await until(lambda: ears[1].bodies)
    assert [ear.texts for ear in (alone, *ears)] == [[], [], ["missed"]]


async def test_a_shard_that_is_none_of_so_many_is_refused(discord: DiscordServer, hal: Discord) -> None:
    place = Ear(hal).place(shard=4, shards=4)
    discord.bot.shards = 4
    with pytest.raises(ChannelError, match="4010"):
        await hal.listen(place, Ear(hal).handle, Ear(hal).ready)
