from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from channels_integrations.platforms.discord.adapter import Discord
from tests.channels_integrations.platforms.discord.conftest import Ear, listening, until
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
