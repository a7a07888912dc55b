from __future__ import annotations

import re
from typing import Any

import pytest

from channels_integrations.base import Account, ChannelError, Finding
from channels_integrations.platforms.discord.adapter import Discord
from tests.channels_integrations.platforms.discord.conftest import COMMANDS, Ear
from tests.fakes.discord_rest import Refusal
from tests.fakes.discord_server import DiscordServer


async def found(hal: Discord) -> dict[str, Finding]:
    """What the doctor says, by what was looked at."""
    return {finding.check: finding for finding in await hal.diagnose(Ear(hal).place(COMMANDS))}


def faults(findings: dict[str, Finding]) -> list[str]:
    assert all(finding.mend for finding in findings.values() if not finding.ok)
    return [name for name, finding in findings.items() if not finding.ok]


async def test_the_account_is_told_by_its_name(discord: DiscordServer, hal: Discord) -> None:
    assert await hal.connect(Ear(hal).place(COMMANDS)) == Account("Hal#1234")


async def test_a_bot_that_may_not_read_is_a_fault_with_the_link(discord: DiscordServer, hal: Discord) -> None:
    discord.bot.flags = 1 << 23
    with pytest.raises(ChannelError) as told:
        await hal.connect(Ear(hal).place())
    assert f"/applications/{discord.bot.id}/bot" in told.value.fault


async def test_a_refused_token_is_a_fault(discord: DiscordServer, hal: Discord) -> None:
    discord.bot.revoked = True
    with pytest.raises(ChannelError) as told:
        await hal.connect(Ear(hal).place())
    assert "Reset Token" in told.value.fault
    assert faults(await found(hal)) == ["token"]


async def test_a_healthy_channel_has_nothing_to_mend(discord: DiscordServer, hal: Discord) -> None:
    await hal.connect(Ear(hal).place(COMMANDS))
    findings = await found(hal)
    assert faults(findings) == []
    assert list(findings) == ["token", "intents", "interactions", "servers", "slash commands", "sessions", "clock"]


async def test_each_fault_is_found_with_its_mend(discord: DiscordServer, hal: Discord) -> None:
    discord.bot.flags = 0
    discord.bot.endpoint = "https://else.example/"
    discord.bot.sessions_left = 3
    discord.gateway.guilds.clear()
    discord.rest.clock = -600
    findings = await found(hal)
    assert faults(findings) == ["intents", "interactions", "servers", "slash commands", "sessions", "clock"]
    assert (
        f"client_id={discord.bot.id}&permissions=274877975552&scope=bot+applications.commands"
        in findings["servers"].mend
    )
    assert re.search("60[01] s fast", findings["clock"].message)


@pytest.mark.parametrize("path", ["/users/@me$", "/applications/@me$", "/guilds$", "/commands$", "/gateway", ""])
@pytest.mark.parametrize("status", [403, 404, 429, 500])
async def test_it_never_raises(discord: DiscordServer, hal: Discord, path: str, status: int) -> None:
    discord.rest.refusals = [Refusal(path=path, status=status, bare=True, times=99)]
    assert faults(await found(hal))


async def test_an_odd_answer_raises_nothing(discord: DiscordServer, hal: Discord, monkeypatch: Any) -> None:
    monkeypatch.setattr(discord.rest, "_answer", lambda call, query: [])
    assert await found(hal)
