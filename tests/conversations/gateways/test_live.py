"""An answer shown while it is written: what people see on the way, and that the end is always right."""

from __future__ import annotations

import asyncio
import dataclasses
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.db.models.functions import Now

from bots.threads import in_thread
from channels_integrations.base import Capabilities, EditableAdapter, IncomingMessage, OutboundMessage
from channels_integrations.models import ChannelConfig
from channels_integrations.setup import Setup, adapter_of, setup_of
from conversations import delivery, live, metrics, rates, turns
from conversations.accept import accept
from conversations.draft import Draft, discard
from conversations.models import Conversation, Delivery, Message, Turn
from conversations.pipeline import answer
from conversations.turns import Claim
from tests.conversations.conftest import delivered, until
from tests.conversations.gateways.conftest import open_channel
from tests.fakes.discord_rest import Refusal
from tests.fakes.discord_server import DiscordServer
from tests.fakes.telegram_server import Fault, TelegramServer

pytestmark = [pytest.mark.django_db(transaction=True)]
GROUP, PRIVATE = "-1001", "7"


async def claimed(row: ChannelConfig, chat: str) -> Claim:
    """A turn of this chat, ours to answer."""
    incoming = IncomingMessage(event_id="1", chat_id=chat, sender_id="7", text="hello", answer_to="3")
    accepted = await in_thread(lambda: accept(setup_of(row.pk), incoming, claim=True))
    assert accepted.claim is not None
    return accepted.claim


async def opened(demo: Setup, telegram: TelegramServer) -> ChannelConfig:
    return await in_thread(lambda: open_channel(demo, "telegram", telegram.bot.token))


async def shown(
    row: ChannelConfig, held: Claim, texts: list[str], *, pause: float = 0.25, seen: Callable[[], bool] = lambda: True
) -> live.Live:
    """Shows a growing text, as fast as the platform's own interval, shortened, allows; ends when it was `seen`."""
    adapter = await in_thread(adapter_of, row.pk)
    draft = Draft(turn_id=held.turn.pk, token=held.token, emit=discard)
    async with live.showing(held, adapter, draft, shows=True) as showing:
        assert showing is not None
        showing._every, showing.able = 0.05, dataclasses.replace(showing.able, live_growth=1.0)
        for text in texts:
            await draft.add(text)
            await asyncio.sleep(pause)
        await until(seen)
    return showing


def drafts(telegram: TelegramServer) -> list[str]:
    return [text for _chat, _draft, text in telegram.bot.drafts]


async def test_a_private_chat_sees_drafts_and_no_message(demo: Setup, telegram: TelegramServer) -> None:
    row = await opened(demo, telegram)
    seen = lambda: bool(drafts(telegram)) and drafts(telegram)[-1] == "Hello world, how are you?"  # noqa: E731
    showing = await shown(row, await claimed(row, PRIVATE), ["Hello ", "**world**, ", "how are you?"], seen=seen)
    assert drafts(telegram)[0].startswith("Hello") and len(drafts(telegram)) > 1
    assert len({draft for _chat, draft, _text in telegram.bot.drafts}) == 1
    assert not telegram.bot.sent and not showing.placed
    assert telegram.bot.typed


async def test_a_draft_for_which_the_bot_has_no_call_left_is_shown_later(
    demo: Setup, telegram: TelegramServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await opened(demo, telegram)
    held = await claimed(row, PRIVATE)
    answers: list[bool] = []
    may_draft = rates.may_draft

    def asked(channel_id: uuid.UUID, able: Capabilities) -> bool:
        while not answers and rates.wait_to_send(channel_id, "", dataclasses.replace(able, chat_rate="")) == 0:
            continue  # others send as much as the bot may
        answers.append(may_draft(channel_id, able))
        return answers[-1]

    monkeypatch.setattr(rates, "may_draft", asked)
    await shown(row, held, ["Hello ", "world"], seen=lambda: "Hello world" in drafts(telegram))
    assert answers[0] is False
    assert answers.count(True) == len(drafts(telegram))


async def test_a_group_sees_one_message_grow_which_the_answer_then_is(demo: Setup, telegram: TelegramServer) -> None:
    row = await opened(demo, telegram)
    held = await claimed(row, GROUP)
    seen = lambda: telegram.bot.texts() == ["Hello world, how are you?"]  # noqa: E731
    showing = await shown(row, held, ["Hello ", "world, ", "how are you?"], seen=seen)
    (sent,) = telegram.bot.sent
    assert showing.placed == str(sent.id)
    assert (await in_thread(Turn.objects.get)).live_id == str(sent.id)
    assert len(sent.edits) > 1


async def test_who_takes_over_goes_on_with_the_message_that_is_there(demo: Setup, telegram: TelegramServer) -> None:
    row = await opened(demo, telegram)
    held = await claimed(row, GROUP)
    await shown(row, held, ["Half an ans"])
    await in_thread(turns.hand_back, held)
    accepted = await in_thread(Turn.objects.get)
    reply = await answer(accepted.conversation_id)
    assert reply is not None
    await delivery.deliver(accepted.conversation_id)
    (sent,) = telegram.bot.sent
    assert "demo model" in sent.text and "Half" not in sent.text
    assert (await in_thread(Delivery.objects.get)).platform_id == str(sent.id)


async def test_what_is_given_up_says_so_where_it_was_begun(demo: Setup, telegram: TelegramServer) -> None:
    row = await opened(demo, telegram)
    held = await claimed(row, GROUP)
    await shown(row, held, ["Half an ans"])
    await in_thread(turns.hand_back, held)
    await in_thread(lambda: Turn.objects.update(attempts=99))
    assert await answer(held.conversation.pk)
    await delivered(held.conversation.pk)
    (text,) = telegram.bot.texts()
    assert "could not process" in text


async def test_a_placeholder_whose_fate_is_unknown_is_counted(demo: Setup, telegram: TelegramServer) -> None:
    row = await opened(demo, telegram)
    held = await claimed(row, GROUP)
    held.turn.live_id = live.PLACING
    counted = metrics.PLACEHOLDERS_LEFT.labels("telegram")
    before = counted._value.get()
    await shown(row, held, ["Hello"], seen=lambda: telegram.bot.texts() == ["Hello"])
    assert counted._value.get() == before + 1
    assert len(telegram.bot.sent) == 1


async def test_where_keys_are_known_a_placeholder_whose_fate_is_unknown_becomes_the_answer(
    demo: Setup, discord: DiscordServer, settings: Any
) -> None:
    settings.SEND_SECONDS = 1.5
    row = await in_thread(lambda: open_channel(demo, "discord", discord.bot.token))
    held = await claimed(row, discord.general)
    discord.rest.refusals.append(Refusal(method="POST", path="messages$", hang=3.0))
    before = metrics.PLACEHOLDERS_LEFT.labels("discord")._value.get()
    showing = await shown(row, held, ["Hello "], seen=lambda: discord.history() == ["…"])
    assert not showing.placed
    await in_thread(turns.hand_back, held)
    assert await answer(held.conversation.pk)
    await delivered(held.conversation.pk)
    (text,) = discord.history()
    assert "demo model" in text
    assert metrics.PLACEHOLDERS_LEFT.labels("discord")._value.get() == before
    await in_thread(lambda: Delivery.objects.get(state="sent", ambiguous=False))


async def test_one_that_was_taken_away_meanwhile_is_not_asked_for_again(demo: Setup, discord: DiscordServer) -> None:
    row = await in_thread(lambda: open_channel(demo, "discord", discord.bot.token))
    held = await claimed(row, discord.general)
    placed = await _placed(row, held)
    await in_thread(lambda: Turn.objects.update(live_id=live.PLACING))
    discord.rest.history[discord.general] = [m for m in discord.rest.history[discord.general] if m["id"] != placed]
    await in_thread(turns.hand_back, held)
    assert await answer(held.conversation.pk)
    await delivered(held.conversation.pk)
    (text,) = discord.history()
    assert "demo model" in text


async def _placed(row: ChannelConfig, held: Claim) -> str:
    """A placeholder of this turn, as a process asks for it."""
    adapter = await in_thread(adapter_of, row.pk)
    assert isinstance(adapter, EditableAdapter)
    chat_id = held.conversation.chat_id
    return await adapter.place(OutboundMessage(chat_id=chat_id, text="", idempotency_key=str(held.turn.pk)))


async def test_half_of_a_group_s_budget_is_left_for_answers(demo: Setup, telegram: TelegramServer) -> None:
    row = await opened(demo, telegram)
    words = [f"word{n} " for n in range(40)]
    showing = await shown(row, await claimed(row, GROUP), words, pause=0.1)
    assert showing.placed
    assert 8 <= _edits(telegram) <= 10
    assert len(telegram.called("sendMessage")) == 1
    assert not telegram.early


async def test_a_platform_that_asks_for_patience_is_left_alone_for_as_long(
    demo: Setup, telegram: TelegramServer
) -> None:
    row = await opened(demo, telegram)
    held = await claimed(row, GROUP)
    telegram.script(Fault(method="editMessageText", retry_after=4))
    showing = await shown(row, held, ["Hello ", "world ", "again "], seen=lambda: _edits(telegram) > 0)
    assert showing.not_before > 0
    assert _edits(telegram) == 1
    closed = await in_thread(lambda: _closed(held, showing))
    await delivery.deliver(held.conversation.pk)
    assert _edits(telegram) == 1, "the answer waits too"
    await delivered(held.conversation.pk)
    assert not telegram.early
    assert telegram.bot.sent[0].text == "The answer." and closed


def _edits(telegram: TelegramServer) -> int:
    return len(telegram.called("editMessageText"))


def _closed(held: Claim, showing: live.Live) -> Any:
    from conversations.outbox import parts_of
    from conversations.turns import Outcome

    parts = parts_of(
        showing.adapter, "The answer.", reply_to="3", placed=showing.placed, not_before=showing.not_before
    )  # fmt: skip
    with transaction.atomic():
        return turns.close(held, Outcome(state=Turn.State.DONE, text="The answer."), parts)


async def test_an_edited_message_that_somebody_deleted_is_sent_anew(demo: Setup, telegram: TelegramServer) -> None:
    row = await opened(demo, telegram)
    held = await claimed(row, GROUP)
    showing = await shown(row, held, ["Hello"], seen=lambda: telegram.bot.texts() == ["Hello"])
    telegram.script(Fault(method="editMessageText", status=400, description="Bad Request: message to edit not found"))
    await in_thread(lambda: _closed(held, showing))
    await delivered(held.conversation.pk)
    assert [sent.text for sent in telegram.bot.sent][-1] == "The answer."
    assert (await in_thread(Delivery.objects.get)).state == "sent"


async def test_of_an_answer_in_parts_the_first_grows_and_the_rest_follow(demo: Setup, telegram: TelegramServer) -> None:
    row = await opened(demo, telegram)
    held = await claimed(row, GROUP)
    long = ["x" * 3_000 + "\n\n", "y" * 3_000]
    showing = await shown(row, held, long, seen=lambda: telegram.bot.texts() == ["x" * 3_000])
    assert len(showing.adapter.parts("".join(long))) == 2
    assert await in_thread(Message.objects.filter(role="assistant").count) == 0


async def test_who_lost_the_answer_to_another_process_shows_nothing_of_it(
    demo: Setup, telegram: TelegramServer
) -> None:
    row = await opened(demo, telegram)
    held = await claimed(row, GROUP)
    await in_thread(turns.hand_back, held)
    assert await in_thread(lambda: turns.claim(held.conversation.pk, length=10))
    await shown(row, held, ["Hello ", "world"])
    assert not telegram.called("sendMessage")
    assert not (await in_thread(Turn.objects.get)).live_id


async def test_a_placeholder_of_who_lost_the_answer_meanwhile_stays_empty(
    demo: Setup, telegram: TelegramServer
) -> None:
    row = await opened(demo, telegram)
    held = await claimed(row, GROUP)
    telegram.script(Fault(method="sendMessage", hang=2.0))
    showing = asyncio.create_task(shown(row, held, ["Hello ", "world"], pause=1.2))
    await until(lambda: bool(telegram.bot.sent))
    await in_thread(turns.hand_back, held)
    assert await in_thread(lambda: turns.claim(held.conversation.pk, length=10))
    assert not (await showing).placed
    assert telegram.bot.texts() == ["…"]


async def test_an_edit_that_comes_after_another_s_answer_is_mended(
    demo: Setup, telegram: TelegramServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a process that slept within it."""
    row = await opened(demo, telegram)
    held = await claimed(row, GROUP)
    await in_thread(turns.hand_back, held)
    adapter: Any = await in_thread(adapter_of, row.pk)
    brisk = dataclasses.replace(adapter.able(GROUP), live_every=0.05)
    monkeypatch.setattr(adapter, "able", lambda chat: brisk)
    whole: list[str] = []

    async def sleep_within_it(frame: dict[str, Any]) -> None:
        if frame["type"] != "delta" or whole:
            return
        await until(lambda: bool(telegram.called("editMessageText")))
        await in_thread(lambda: Conversation.objects.update(lease_until=Now()))
        assert await answer(held.conversation.pk)
        await delivered(held.conversation.pk)
        whole.extend(telegram.bot.texts())
        telegram.bot.sent[0].text = "Half an ans"

    assert await answer(held.conversation.pk, sleep_within_it) is None
    await delivered(held.conversation.pk)
    assert telegram.bot.texts() == whole and len(whole) == 1
    assert (await in_thread(Delivery.objects.get)).state == "sent"


async def test_an_answer_is_not_begun_before_the_one_before_it_stands_there(
    demo: Setup, telegram: TelegramServer
) -> None:
    row = await opened(demo, telegram)
    first = await claimed(row, GROUP)
    showing = await shown(row, first, [])
    assert await in_thread(lambda: _closed(first, showing))
    incoming = IncomingMessage(event_id="2", chat_id=GROUP, sender_id="7", text="and now?")
    accepted = await in_thread(lambda: accept(setup_of(row.pk), incoming, claim=True))
    assert accepted.claim is not None
    await shown(row, accepted.claim, ["Second"])
    assert not telegram.bot.sent
    await delivery.deliver(first.conversation.pk)
    await shown(row, accepted.claim, ["Second"], seen=lambda: telegram.bot.texts()[1:] == ["Second"])
