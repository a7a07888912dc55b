from __future__ import annotations

import asyncio
import uuid
from typing import Any

import limits
import pytest

from channels_integrations.base import BadSignature, Button, ChannelError, MessageGone
from channels_integrations.platforms.discord.adapter import Discord
from channels_integrations.platforms.discord.rest import Rest
from tests.channels_integrations.platforms.discord.conftest import outbound
from tests.fakes.discord_rest import Refusal
from tests.fakes.discord_server import DiscordServer


async def refused(discord: DiscordServer, hal: Discord, refusal: Refusal) -> ChannelError:
    """What a send says when it is answered so."""
    discord.rest.refusals = [refusal]
    with pytest.raises(ChannelError) as told:
        await hal.send(outbound(discord.general, "hello"))
    return told.value


async def test_a_message_is_sent_as_discord_writes_it(discord: DiscordServer, hal: Discord) -> None:
    question = discord.say("what?")
    (part,) = hal.parts("**Bold** and [a link](https://example.org/x) for @everyone and <@&7> *a_b*")
    key = str(uuid.uuid4())
    message = outbound(discord.general, part.text, spans=part.spans, reply_to=question["id"], idempotency_key=key)
    assert await hal.send(message) == discord.sent()[0]["id"]
    asked = discord.sent()[0]["asked"]
    assert asked["content"].startswith("**Bold** and [a link](<https://example.org/x>)")
    assert "<@&7>" not in asked["content"].replace("\\<", "")
    assert asked["allowed_mentions"] == {"parse": []}
    assert asked["message_reference"] == {"message_id": question["id"], "fail_if_not_exists": False}
    assert asked["flags"] == 4
    assert (asked["nonce"], asked["enforce_nonce"]) == (key.replace("-", "")[:25], True)


async def test_the_same_key_says_it_once(discord: DiscordServer, hal: Discord) -> None:
    message = outbound(discord.general, "once")
    discord.rest.refusals = [Refusal(path="/messages", status=200, hang=0.3)]
    first = asyncio.create_task(hal.send(message))
    await asyncio.sleep(0.1)
    first.cancel()
    assert len({await hal.send(message), await hal.send(message)}) == 1
    assert discord.history() == ["once"]


async def test_a_long_answer_arrives_whole(discord: DiscordServer, hal: Discord) -> None:
    text = "\n\n".join(f"{number}. *word* " + "some_words and <things> " * 20 for number in range(30))
    parts = hal.parts(text)
    assert len(parts) > 5
    for number, part in enumerate(parts):
        await hal.send(
            outbound(discord.general, part.text, spans=part.spans, part=number, idempotency_key=f"k{number}")
        )
    assert len(discord.history()) == len(parts)
    assert all(len(content) <= 2_000 for content in discord.history())


async def test_what_is_refused_as_styled_is_sent_as_plain_text(discord: DiscordServer, hal: Discord) -> None:
    discord.rest.refusals = [Refusal(path="/messages", status=400, code=50035)]
    (part,) = hal.parts("**bold** [here](https://example.org/)")
    await hal.send(outbound(discord.general, part.text, spans=part.spans))
    assert discord.history() == ["bold here (https://example.org/)"]


async def test_what_is_refused_as_plain_text_too_is_not_tried_again(discord: DiscordServer, hal: Discord) -> None:
    (part,) = hal.parts("**bold**")
    discord.rest.refusals = [Refusal(path="/messages", status=400, code=50035, times=5)]
    with pytest.raises(ChannelError) as told:
        await hal.send(outbound(discord.general, part.text, spans=part.spans))
    assert told.value.permanent
    assert len(discord.rest.calls) == 2


async def test_buttons_stand_in_rows(discord: DiscordServer, hal: Discord) -> None:
    buttons = tuple(Button(id=str(number), label=f"Choice {number}") for number in range(7))
    await hal.send(outbound(discord.general, "Which?", buttons=(*buttons, Button(id="x" * 100, label="too long"))))
    rows = discord.sent()[0]["components"]
    assert [len(row["components"]) for row in rows] == [5, 2]


async def test_a_placeholder_is_placed_once_and_edited(discord: DiscordServer, hal: Discord) -> None:
    chat = discord.general
    message_id = await hal.place(outbound(chat, ""))
    assert await hal.place(outbound(chat, "")) == message_id
    assert discord.history() == ["…"]
    for text in ("so far", "so far", "all of it"):
        await hal.edit(message_id, outbound(chat, text))
    assert discord.history() == ["all of it"]
    with pytest.raises(MessageGone):
        await hal.edit("1234567", outbound(chat, "x"))


async def test_typing_is_shown(discord: DiscordServer, hal: Discord) -> None:
    await hal.typing(discord.general)
    assert discord.rest.typed == [discord.general]


async def test_a_wait_is_told_and_kept(discord: DiscordServer, hal: Discord) -> None:
    error = await refused(discord, hal, Refusal(path="/messages", status=429, retry_after=0.3))
    assert (error.permanent, error.ambiguous, error.retry_after) == (False, False, 0.3)
    with pytest.raises(ChannelError) as told:
        await hal.send(outbound(discord.general, "too early"))
    assert told.value.retry_after is not None
    assert 0 < told.value.retry_after <= 0.3
    assert len(discord.rest.calls) == 1
    await hal.typing(discord.general)  # counted by itself
    await hal.send(outbound(discord.thread, "another chat"))
    await asyncio.sleep(0.3)
    await hal.send(outbound(discord.general, "in time"))
    assert discord.rest.early == 0


async def test_a_third_of_sends_refused_for_their_haste_loses_none(discord: DiscordServer, hal: Discord) -> None:
    discord.rest.share_429 = 0.3
    for number in range(40):
        for _try in range(20):
            try:
                await hal.send(outbound(discord.general, str(number), idempotency_key=str(number)))
                break
            except ChannelError as error:
                await asyncio.sleep(error.retry_after or 0)
    assert discord.history() == [str(number) for number in range(40)]
    assert discord.rest.early == 0


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (Refusal(status=401), {"permanent": False, "fault": True}),
        (Refusal(status=403, code=50001), {"permanent": True, "blocked": True}),
        (Refusal(status=403, code=50013), {"permanent": True, "blocked": True}),
        (Refusal(status=403, code=50007), {"permanent": True, "blocked": True}),
        (Refusal(status=403, bare=True), {"permanent": False, "retry_after": 60.0}),
        (Refusal(status=404, code=10003), {"permanent": True, "blocked": True}),
        (Refusal(status=404, bare=True), {"permanent": True}),
        (Refusal(status=400, code=50035, times=2), {"permanent": True}),
        (Refusal(status=400, code=50083), {"permanent": True}),
        (Refusal(status=429, bare=True), {"permanent": False, "retry_after": 60.0}),
        (Refusal(status=500), {"permanent": False, "ambiguous": True}),
        (Refusal(status=502, bare=True), {"permanent": False, "ambiguous": True}),
    ],
)
async def test_each_refusal_has_its_meaning(
    discord: DiscordServer, hal: Discord, refusal: Refusal, expected: dict[str, Any]
) -> None:
    error = await refused(discord, hal, refusal)
    found = {
        "permanent": error.permanent, "ambiguous": error.ambiguous, "blocked": error.blocked,
        "fault": bool(error.fault), "retry_after": error.retry_after,
    }  # fmt: skip
    nothing = {"ambiguous": False, "blocked": False, "fault": False, "retry_after": None}
    assert found == {**nothing, **expected}
    assert discord.bot.token not in str(error)


async def test_what_was_perhaps_taken_is_ambiguous(
    discord: DiscordServer, hal: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels_integrations.platforms.discord.rest.SECONDS", 0.2)
    error = await refused(discord, hal, Refusal(path="/messages", hang=0.4))
    assert (error.ambiguous, error.permanent) == (True, False)
    assert discord.history() == ["hello"]
    await asyncio.sleep(0.3)  # for the fake to end


async def test_a_connection_that_breaks_after_the_call_is_ambiguous(discord: DiscordServer, hal: Discord) -> None:
    error = await refused(discord, hal, Refusal(path="/messages", reset=True))
    assert (error.ambiguous, error.permanent) == (True, False)
    await hal.send(outbound(discord.general, "hello"))
    assert discord.history() == ["hello"]


async def test_the_machines_proxy_is_used(
    discord: DiscordServer, hal: Discord, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DISCORD_API_BASE_URL = "http://discord.example/api/v10"
    monkeypatch.setenv("http_proxy", discord.origin)
    monkeypatch.setenv("no_proxy", "other.example")
    await hal.typing(discord.general)
    assert discord.rest.typed == [discord.general]
    assert discord.rest.calls[-1].headers["Host"] == "discord.example"


async def test_what_was_never_heard_is_not_ambiguous(discord: DiscordServer, hal: Discord, settings: Any) -> None:
    settings.DISCORD_API_BASE_URL = "http://127.0.0.1:9/api/v10"
    with pytest.raises(ChannelError) as told:
        await hal.send(outbound(discord.general, "hello"))
    assert (told.value.ambiguous, told.value.permanent) == (False, False)


def test_each_event_loop_has_its_own_connections(discord: DiscordServer, hal: Discord) -> None:
    from channels_integrations.platforms.discord import rest

    for number in range(3):
        asyncio.run(hal.send(outbound(discord.general, str(number), idempotency_key=str(number))))
    assert discord.history() == ["0", "1", "2"]
    assert not [loop for loop in rest._sessions if loop.is_closed()]


async def test_an_interactions_addresses_carry_no_token_of_the_bot(discord: DiscordServer, hal: Discord) -> None:
    rest = Rest(discord.bot.token)
    with pytest.raises(ChannelError):
        await rest.ask("PATCH", "/webhooks/1/x/messages/@original", body={"content": "x"})
    assert "Authorization" not in discord.rest.calls[-1].headers


def test_what_it_can_do_is_said_as_the_engine_reads_it(discord: DiscordServer, hal: Discord) -> None:
    able = hal.able(discord.general)
    assert str(limits.parse(able.chat_rate)) == "5 per 5 second"
    assert str(limits.parse(able.account_rate)) == "50 per 1 second"
    assert (able.live, able.resend, able.buttons) == ("edit", "keyed", True)


def test_nobody_may_call_it(discord: DiscordServer, hal: Discord) -> None:
    with pytest.raises(BadSignature):
        hal.verify({"x-signature-ed25519": "00"}, b"{}")


async def test_a_wait_outlives_the_many_that_are_past(
    discord: DiscordServer, hal: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = {("another", str(number)): 0.0 for number in range(5)}
    monkeypatch.setattr("channels_integrations.platforms.discord.rest._closed", closed)
    monkeypatch.setattr("channels_integrations.platforms.discord.rest.MOST_CLOSED", 3)
    await refused(discord, hal, Refusal(path="/messages", status=429, retry_after=30))
    discord.rest.refusals = [Refusal(path="/typing", status=429, retry_after=30, times=4)]
    for chat in (discord.general, discord.thread, discord.dm_channel("Ada"), discord.dm_channel("Bob")):
        with pytest.raises(ChannelError):
            await hal.typing(chat)
    with pytest.raises(ChannelError, match="patience"):
        await hal.send(outbound(discord.general, "too early"))
    assert {bot for bot, _route in closed} == {discord.bot.id}
    assert discord.rest.early == 0
