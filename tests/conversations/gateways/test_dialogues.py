"""The same dialogues on every platform that is listened to: what people write, and what they then read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from bots.threads import in_thread
from channels_integrations.models import ChannelConfig, FeatureFlag, Listener
from channels_integrations.rendering.rich import rich
from channels_integrations.rendering.split import characters, split
from channels_integrations.setup import Setup, adapter_of
from conversations import outbox
from conversations.models import Conversation
from tests.conversations.conftest import until, until_stored
from tests.conversations.gateways.conftest import listening, open_channel
from tests.fakes.discord_server import DiscordServer
from tests.fakes.telegram_server import TelegramServer

pytestmark = [pytest.mark.django_db(transaction=True)]

# What is written, and what the answer says.
DIALOGUES: dict[str, list[tuple[str, str]]] = {
    "a question": [("what is 6 * 7?", "42")],
    "help lists every command": [("/help", "/human"), ("/help", "/more")],
    "start greets": [("/start", "Demo")],
    "a model is chosen, shown and kept": [
        ("/model", "demo/brief"), ("/model demo/brief", "now uses"), ("/status", "demo/brief"),
    ],
    "an unknown model is told": [("/model nope", "no model")],
    "a new conversation forgets": [("hello", "demo"), ("/new", "closed"), ("/status", "Demo")],
    "reset is new": [("hello", "demo"), ("/reset", "closed")],
    "history names what was said": [("what is 1 + 1?", "2"), ("/history", "what is 1 + 1?")],
    "an unknown command goes to the model": [("/weather in Paris", "demo")],
    "nothing runs that could be stopped": [("/stop", "")],
    "nothing is left to read": [("/more", "nothing more")],
    "a person is called, and the bot is silent": [("/human", "person")],
    "what was said is told back in its styles": [("show me Markdown", "greet(name: str)")],
}  # fmt: skip


@dataclass(slots=True)
class Person:
    """Somebody who writes to the bot alone on one of the platforms."""

    write: Callable[[str], Any]
    read: Callable[[], list[str]]

    async def say(self, text: str, expected: str) -> None:
        before = len(self.read())
        self.write(text)
        try:
            await until(lambda: any(expected in answer for answer in self.read()[before:]))
        except TimeoutError:
            pytest.fail(f"{text!r} was answered with {self.read()[before:]!r}")


@pytest.fixture(params=["telegram", "discord"])
def person(request: pytest.FixtureRequest, demo: Setup) -> Person:
    if request.param == "telegram":
        telegram: TelegramServer = request.getfixturevalue("telegram")
        open_channel(demo, "telegram", telegram.bot.token)
        return Person(telegram.bot.say, telegram.bot.texts)
    discord: DiscordServer = request.getfixturevalue("discord")
    open_channel(demo, "discord", discord.bot.token)
    return Person(discord.dm, lambda: [message["content"] for message in discord.sent()])


async def heard() -> None:
    await until_stored(lambda: Listener.objects.filter(state="listening").exists())


@pytest.mark.parametrize("name", DIALOGUES)
async def test_a_dialogue(person: Person, name: str) -> None:
    async with listening():
        await heard()
        for text, expected in DIALOGUES[name]:
            await person.say(text, expected)


async def test_a_very_long_answer_stops_after_some_parts_and_goes_on_when_asked(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    cls = type(await in_thread(lambda: adapter_of(ChannelConfig.objects.get(slug__in=("telegram", "discord")).pk)))
    monkeypatch.setattr(cls, "parts", lambda self, text: split(rich(text), characters(120)))
    monkeypatch.setattr(outbox, "MOST_PARTS", 3)
    async with listening():
        await heard()
        await person.say("show me Markdown", "There is more")
        assert len(person.read()) == 4
        await person.say("/more", "all of it")
    whole = "".join("".join(person.read()).split())
    assert "Thatwasall." in whole


async def test_a_person_of_the_team_answers_where_they_were_called(person: Person) -> None:
    async with listening():
        await heard()
        await person.say("/human", "person")
        assert (await in_thread(Conversation.objects.get)).owner == "waiting"


async def test_commands_that_are_switched_off_are_words(person: Person, demo: Setup) -> None:
    place = {"workspace_id": demo.workspace_id, "name": "enable_commands"}
    await in_thread(lambda: FeatureFlag.objects.create(**place, kind="bool", value="false"))
    async with listening():
        await heard()
        await person.say("/help", "The most useful")
