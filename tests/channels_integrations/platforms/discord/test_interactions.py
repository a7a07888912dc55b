from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from channels_integrations.base import Button, Command, Invoked, Pressed
from channels_integrations.platforms.discord.adapter import Discord
from tests.channels_integrations.platforms.discord.conftest import COMMANDS, Ear, listening, outbound, until
from tests.fakes.discord_rest import Refusal
from tests.fakes.discord_server import DiscordServer

KEY = str(uuid.uuid4())


async def heard(discord: DiscordServer, ear: Ear, command: str, text: str = "", **more: Any) -> tuple[Any, Invoked]:
    """A call of a command, and the event that it was."""
    async with listening(ear):
        called = discord.invoke(command, text, **more)
        await until(lambda: discord.rest.interactions[called["token"]].noticed)
    (event,) = ear.events
    assert isinstance(event, Invoked)
    return called, event


async def test_commands_are_registered_once(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    for _again in range(2):
        await hal.connect(ear.place(COMMANDS))
    async with listening(ear, COMMANDS):
        assert [entry["name"] for entry in discord.bot.commands] == ["help", "new"]
    assert [call.method for call in discord.rest.calls if call.path.endswith("/commands")].count("PUT") == 1
    assert discord.bot.commands[0]["options"][0]["name"] == "text"


async def test_commands_that_are_switched_off_go_away(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    await hal.connect(ear.place(COMMANDS))
    async with listening(ear):
        assert discord.bot.commands == []


async def test_commands_that_discord_cannot_name_are_left_out(discord: DiscordServer, hal: Discord) -> None:
    await hal.connect(Ear(hal).place((Command("Bad Name", "x"), Command("good", "y" * 300))))
    assert [(entry["name"], len(entry["description"])) for entry in discord.bot.commands] == [("good", 100)]


async def test_a_command_is_stored_then_noticed_then_answered(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    called, event = await heard(discord, ear, "model", "demo/brief")
    state = discord.rest.interactions[called["token"]]
    assert state.noticed >= ear.at[0]
    assert (event.command, event.args, event.is_group, event.language) == ("model", "demo/brief", True, "en-us")
    (part,) = hal.parts("**Done**")
    message_id = await hal.send(outbound(event.chat_id, part.text, spans=part.spans, reply_to=event.answer_to))
    assert discord.history() == ["**Done**"]
    assert message_id == discord.sent()[0]["id"]


async def test_an_answers_other_parts_are_ordinary_messages(discord: DiscordServer, hal: Discord) -> None:
    _called, event = await heard(discord, Ear(hal), "help")
    for part, text in enumerate(("one", "two")):
        await hal.send(outbound(event.chat_id, text, part=part, reply_to=event.answer_to, idempotency_key=f"k{part}"))
    assert discord.history() == ["one", "two"]
    assert [call.path for call in discord.rest.calls][-1] == f"/channels/{discord.general}/messages"


async def test_where_the_bot_may_not_write_the_other_parts_follow_up(discord: DiscordServer, hal: Discord) -> None:
    _called, event = await heard(discord, Ear(hal), "help")
    discord.rest.forbidden[discord.general] = 50001
    for part, text in enumerate(("one", "two")):
        await hal.send(outbound(event.chat_id, text, part=part, reply_to=event.answer_to))
    assert discord.history() == ["one", "two"]


@pytest.mark.parametrize("seconds", [870, 1_000, 100_000])
async def test_an_old_interaction_is_answered_by_an_ordinary_message(
    discord: DiscordServer, hal: Discord, seconds: float
) -> None:
    called, event = await heard(discord, Ear(hal), "help")
    discord.age(called, seconds)
    mark, application, token, made = event.answer_to.split(":")
    old = ":".join((mark, application, token, str(int(made) - int(seconds))))
    for reply_to in (event.answer_to, old):  # our clock may be wrong
        await hal.send(outbound(event.chat_id, "late", reply_to=reply_to, idempotency_key=reply_to[-8:]))
    assert discord.history()[-1] == "late"
    assert "" not in discord.history() or seconds > 870


async def test_an_answer_waits_for_the_notice_that_is_on_its_way(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    discord.rest.refusals = [Refusal(path="/callback$", status=500, times=1)]
    async with listening(ear):
        called = discord.invoke("help")
        await until(lambda: ear.bodies)
        (event,) = ear.events
        await hal.send(outbound(event.chat_id, "answer", reply_to=event.answer_to))
    assert discord.history() == ["answer"]
    assert discord.rest.interactions[called["token"]].original is discord.sent()[0]


async def test_a_repeated_answer_says_it_once(discord: DiscordServer, hal: Discord) -> None:
    _called, event = await heard(discord, Ear(hal), "help")
    message = outbound(event.chat_id, "answer", reply_to=event.answer_to)
    assert len({await hal.send(message) for _again in range(3)}) == 1
    assert discord.history() == ["answer"]


async def test_an_answer_is_written_live_in_its_place(discord: DiscordServer, hal: Discord) -> None:
    _called, event = await heard(discord, Ear(hal), "help")
    message_id = await hal.place(outbound(event.chat_id, "", reply_to=event.answer_to))
    assert discord.history() == ["…"]
    discord.rest.forbidden[discord.general] = 50001  # the bot itself may not go there
    await hal.edit(message_id, outbound(event.chat_id, "so far", reply_to=event.answer_to))
    assert discord.history() == ["so far"]


async def test_a_press_comes_back_with_what_it_stands_under(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    chat = discord.general
    buttons = (Button(id="go on", label="Go on"), Button(id="a:b", label="x" * 100))
    await hal.send(outbound(chat, "Which?", buttons=buttons, idempotency_key=KEY))
    shown = discord.sent()[0]["components"][0]["components"]
    async with listening(ear):
        pressed = [discord.press(button["custom_id"], discord.sent()[0]) for button in shown]
        await until(lambda: all(discord.rest.interactions[told["token"]].noticed for told in pressed))
    assert [(e.button, e.of) for e in ear.events if isinstance(e, Pressed)] == [("go on", KEY), ("a:b", KEY)]
    assert {event.answer_to for event in ear.events} == {discord.sent()[0]["id"]}
    assert discord.history() == ["Which?"]
    for event in ear.events:
        assert isinstance(event, Pressed)
        await hal.acknowledge(event)


async def test_a_button_of_somebody_else_is_nobodys_turn(discord: DiscordServer, hal: Discord) -> None:
    ear = Ear(hal)
    await hal.send(outbound(discord.general, "x"))
    async with listening(ear):
        told = discord.press("poll:1", discord.sent()[0])
        await until(lambda: discord.rest.interactions[told["token"]].noticed)
    assert ear.bodies == []


async def test_nobody_is_told_for_long_that_it_thinks(
    discord: DiscordServer, hal: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels_integrations.platforms.discord.hearing.THINKS_SECONDS", 0.3)
    ear = Ear(hal)
    async with listening(ear):
        discord.invoke("help")
        await until(lambda: discord.history() == ["…"])
    (event,) = ear.events
    await hal.send(outbound(event.chat_id, "late", reply_to=event.answer_to))
    assert discord.history() == ["late"]


async def test_an_answer_stays_as_it_is(discord: DiscordServer, hal: Discord, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels_integrations.platforms.discord.hearing.THINKS_SECONDS", 0.3)
    ear = Ear(hal)
    async with listening(ear):
        called = discord.invoke("help")
        await until(lambda: discord.rest.interactions[called["token"]].noticed)
        (event,) = ear.events
        await hal.send(outbound(event.chat_id, "answer", reply_to=event.answer_to))
        await until(lambda: any(call.method == "GET" and "@original" in call.path for call in discord.rest.calls))
        await asyncio.sleep(0.1)
    assert discord.history() == ["answer"]


async def test_an_answer_that_comes_at_that_moment_stays_alone(
    discord: DiscordServer, hal: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels_integrations.platforms.discord.hearing.THINKS_SECONDS", 0.2)
    discord.rest.refusals = [Refusal(method="GET", path="@original$", status=200, hang=0.5)]
    ear = Ear(hal)
    async with listening(ear):
        called = discord.invoke("help")
        await until(lambda: any(call.method == "GET" and "@original" in call.path for call in discord.rest.calls))
        (event,) = ear.events
        await hal.send(outbound(event.chat_id, "answer", reply_to=event.answer_to))
        await until(lambda: any(call.method == "DELETE" for call in discord.rest.calls))
    assert discord.rest.interactions[called["token"]].noticed
    assert discord.history() == ["answer"]
