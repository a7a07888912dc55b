from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from channels_integrations.platforms.discord.adapter import Discord
from tests.channels_integrations.platforms.discord.conftest import Ear, listening, until
from tests.fakes.discord_rest import Refusal
from tests.fakes.discord_server import DiscordServer

HISTORY = "channels_integrations.platforms.discord.history"


async def test_of_a_gap_too_long_to_read_the_newest_is_heard_and_the_cut_is_logged(
    discord: DiscordServer, hal: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{HISTORY}.MOST_PAGES", 2)
    ear = Ear(hal)
    for number in range(250):
        discord.dm(str(number), live=False)
    ear.recent = {discord.dm_channel(): "1"}
    with capture_logs() as logs:
        async with listening(ear):
            await until(lambda: len(ear.bodies) == 200)
    assert ear.texts == [str(number) for number in range(50, 250)]
    (cut,) = [line for line in logs if line["event"] == "discord_gap_cut"]
    assert (cut["log_level"], cut["chat"], cut["read"]) == ("warning", discord.dm_channel(), 200)


async def test_a_gap_is_read_no_further_than_what_is_known(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    said = [discord.dm(str(number), live=False) for number in range(250)]
    ear.recent = {discord.dm_channel(): said[219]["id"]}
    async with listening(ear):
        await until(lambda: len(ear.bodies) == 30)
    assert ear.texts == [str(number) for number in range(220, 250)]
    assert [call.path for call in discord.rest.calls].count(f"/channels/{discord.dm_channel()}/messages") == 1


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks again at once, and a single time in a row."""
    monkeypatch.setattr(f"{HISTORY}.TRIES", 1)
    monkeypatch.setattr("channels_integrations.platforms.discord.gaps.PAUSE", 0.05)


@pytest.mark.usefixtures("hasty")
async def test_a_gap_that_could_not_be_read_is_read_later(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    discord.rest.refusals = [Refusal(path="/messages$", status=503, times=3)]
    missed = discord.dm("missed", live=False)
    ear.recent = {missed["channel_id"]: "1"}
    async with listening(ear):
        discord.dm("live")
        await until(lambda: len(ear.texts) == 2)
        await asyncio.sleep(0.3)
    assert ear.texts == ["live", "missed"]
    assert [call.status for call in discord.rest.calls if call.path.endswith("/messages")] == [503, 503, 503, 200]


@pytest.mark.usefixtures("hasty")
async def test_a_later_connection_still_reads_from_where_the_gap_began(
    discord: DiscordServer, hal: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels_integrations.platforms.discord.gaps.PAUSE", 60)
    ear = Ear(hal)
    failing = Refusal(path="/messages$", status=503, times=1_000)
    discord.rest.refusals = [failing]
    missed = discord.dm("missed", live=False)
    ear.recent = {missed["channel_id"]: "1"}
    async with listening(ear):
        ear.recent = {missed["channel_id"]: discord.dm("live")["id"]}
        await until(lambda: ear.bodies)
        discord.invalidate()
        await until(lambda: failing.times == 998)
        discord.dm("live again")
        await until(lambda: len(ear.bodies) == 2)
    failing.times = 0
    ear.accounts.clear()
    async with listening(ear):  # begun anew
        await until(lambda: "missed" in ear.texts)
    assert ear.texts == ["live", "live again", "missed"]


@pytest.mark.usefixtures("hasty")
async def test_a_gap_that_ends_in_the_middle_is_read_when_it_listens_again(
    discord: DiscordServer, hal: Discord
) -> None:
    ear = Ear(hal)
    missed = discord.dm("missed", live=False)
    ear.recent = {missed["channel_id"]: "1"}
    discord.rest.refusals = [Refusal(path="/messages$", status=200, hang=30)]
    async with listening(ear):
        await until(lambda: any(call.path.endswith("/messages") for call in discord.rest.calls))
    ear.recent, ear.accounts = {}, []
    async with listening(ear):
        await until(lambda: ear.texts == ["missed"])


@pytest.mark.usefixtures("hasty")
async def test_a_chat_that_shuts_us_out_is_not_asked_again(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    discord.rest.forbidden[discord.general] = 50001
    ear.recent = {discord.general: "1"}
    async with listening(ear):
        await asyncio.sleep(0.5)
    asked = [call for call in discord.rest.calls if call.path == f"/channels/{discord.general}/messages"]
    assert len(asked) == 1
