"""Commands as people type them: each of those there are, and the dialogues they are for."""

from __future__ import annotations

import pytest

from bots.models import AIModel
from bots.threads import in_thread
from channels_integrations.setup import Setup
from conversations.accept import accept
from conversations.commands.base import commands, parse
from conversations.models import Conversation, Message, ModelCall, Person
from conversations.pipeline import answer
from tests.conversations.conftest import said

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]
NAMES = ["help", "history", "model", "new", "reset", "start", "status", "stop"]


async def ask(demo: Setup, text: str, chat: str = "visitor-1") -> Message:
    accepted = await in_thread(accept, demo, said(text, chat=chat))
    reply = await answer(accepted.conversation_id)
    assert reply is not None
    return reply.message


def test_these_are_the_commands() -> None:
    assert set(NAMES) <= set(commands)


@pytest.mark.parametrize("name", sorted(commands))
async def test_every_command_says_what_it_does_and_outlives_odd_words(demo: Setup, name: str) -> None:
    assert commands[name].help.endswith((".", "?")) or ":" in commands[name].help
    for words in ("", " x" * 2_000, " 👩‍👩‍👧 ' \" ; DROP", " always always", "\n\n-1"):
        message = await ask(demo, f"/{name}{words}"[:8_000])
        assert message.text.strip()
        assert not message.metadata.get("notice"), message.text
        assert not message.in_context
        await in_thread(lambda: Conversation.objects.update(owner="bot"))  # which /human changes
    assert not await in_thread(ModelCall.objects.exists)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("/help", "help"), ("/HELP", None), (" /help ", "help"), ("/help@switchbot", "help"), ("/nothing", None),
        ("/ help", None), ("help", None), ("//help", None), ("/model demo/brief always", "model"), ("/usr/bin", None),
    ],
)  # fmt: skip
def test_only_known_names_are_commands(text: str, name: str | None) -> None:
    found, _words = parse(text)
    assert (found.name if found else None) == name


async def test_help_lists_every_command_once(demo: Setup) -> None:
    text = (await ask(demo, "/help")).text
    assert all(text.count(f"`/{name}`") == 1 for name in NAMES if not commands[name].alias_of)


async def test_unknown_ones_go_to_the_model(demo: Setup) -> None:
    message = await ask(demo, "/nothing")
    assert message.model_used == "demo/demo"


async def test_new_and_reset_begin_anew(demo: Setup) -> None:
    for name in ("new", "reset"):
        before = await ask(demo, "my name is Ada")
        await ask(demo, f"/{name}")
        after = await ask(demo, "what is my name?")
        assert after.conversation_id != before.conversation_id
        assert "You have not told me" in after.text
    assert await in_thread(Conversation.objects.count) == 3


async def test_model_is_shown_chosen_for_here_and_for_always(demo: Setup) -> None:
    assert "demo/brief" in (await ask(demo, "/model")).text
    assert "know no model" in (await ask(demo, "/model gpt-9")).text
    await ask(demo, "/model brief")
    here = await ask(demo, "hello")
    assert here.model_used == "demo/brief"
    await ask(demo, "/new")
    assert (await ask(demo, "hello")).model_used == "demo/demo"
    await ask(demo, "/model demo/brief always")
    await ask(demo, "/new")
    assert (await ask(demo, "hello")).model_used == "demo/brief"
    assert (await ask(demo, "hello", chat="visitor-2")).model_used == "demo/demo"
    person = await in_thread(Person.objects.get, preferred_model__isnull=False)
    brief = await in_thread(AIModel.objects.get, name="brief")
    assert person.preferred_model_id == brief.pk


async def test_status_and_history_tell_of_this_chat_alone(demo: Setup) -> None:
    await ask(demo, "my name is Ada")
    await ask(demo, "a secret of somebody else", chat="visitor-2")
    assert "demo/demo" in (await ask(demo, "/status")).text
    history = (await ask(demo, "/history")).text
    assert "my name is Ada" in history
    assert "secret" not in history


async def test_a_command_is_stored_and_the_model_never_sees_it(demo: Setup) -> None:
    await ask(demo, "/status")
    await ask(demo, "hello")
    rows = await in_thread(lambda: list(Message.objects.order_by("seq").values_list("seq", "text", "role")))
    assert [row[0] for row in rows] == [1, 2, 3, 4]
    call = await in_thread(ModelCall.objects.get)
    assert (call.first_seq, call.last_seq) == (3, 3)
