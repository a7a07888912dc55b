"""Messages out, through the real client, as Telegram's server sees them."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from channels_integrations.base import Button, ChannelError, IncomingMessage, MessageGone, OutboundMessage, Pressed
from channels_integrations.platforms.telegram import client
from channels_integrations.platforms.telegram.client import Client
from channels_integrations.rendering.entities import LONGEST
from channels_integrations.rendering.rich import rich
from tests.channels_integrations.platforms.telegram.conftest import KEY, driver, message
from tests.fakes.telegram_server import TOKEN, Fault, TelegramServer
from tests.fakes.telegram_texts import units

LONG = "\n\n".join(f"**{n}** 🚲 is `code {n}` and [a link](https://x.example/{n}). " + "wörd " * 30 for n in range(120))
REFUSED = "Telegram refuses this channel's token"
AGAIN = "Copy it from @BotFather again: /mybots, API Token."


async def test_a_text_arrives_with_its_styles_and_without_marks_or_previews(telegram: TelegramServer) -> None:
    sent_id = await driver().send(
        message("\n**Bold** 🚲 `x` [site](https://a.example) ~~no~~\n```python\nprint()\n```")
    )
    sent = telegram.bot.sent[0]
    assert (sent_id, sent.chat, sent.dropped) == (str(sent.id), 7, 0)
    assert sent.text == "Bold 🚲 x site no\n\nprint()"
    assert [(one["type"], one["offset"], one["length"]) for one in sent.entities] == [
        ("bold", 0, 4), ("code", 8, 1), ("text_link", 10, 4), ("strikethrough", 15, 2), ("pre", 19, 7),
    ]  # fmt: skip
    assert (sent.entities[2]["url"], sent.entities[4]["language"]) == ("https://a.example", "python")
    data = telegram.called("sendMessage")[0].data
    assert data["link_preview_options"] == {"is_disabled": True}
    assert "parse_mode" not in data and "reply_markup" not in data and "message_thread_id" not in data


async def test_a_long_text_goes_out_in_parts_that_fit_and_are_it_all(telegram: TelegramServer) -> None:
    parts = driver().parts(LONG)
    assert "".join(part.text for part in parts) == rich(LONG).text
    for number, part in enumerate(parts):
        await driver().send(OutboundMessage(chat_id="7", text=part.text, spans=part.spans, part=number))
    assert len(parts) > 4
    assert all(units(sent.text) <= LONGEST and not sent.dropped for sent in telegram.bot.sent)
    assert " ".join(telegram.bot.texts()).split() == rich(LONG).text.split()


async def test_a_topic_a_quoted_message_and_the_placeholder(telegram: TelegramServer) -> None:
    asked = telegram.bot.say("@hal_bot hi", group=-100, thread=5)["message"]["message_id"]
    await driver().place(message("", "-100/5", reply_to=str(asked)))
    await driver().send(message("Second", "-100/5", reply_to=str(asked), part=1))
    await driver().send(message("Quotes what is gone", "-100/5", reply_to="999"))
    assert [(one.text, one.thread, one.reply_to) for one in telegram.bot.sent] == [
        ("…", 5, asked), ("Second", 5, None), ("Quotes what is gone", 5, None),
    ]  # fmt: skip
    await driver().typing("-100/5")
    assert telegram.bot.typed == [(-100, 5)]


async def test_buttons_come_back_as_they_were_made(telegram: TelegramServer) -> None:
    buttons = (Button(id="yes", label=" Yes " + "x" * 99), Button(id="n" * 32, label="?"), Button(id="no", label=" "))
    await driver().send(message("Sure?", buttons=buttons))
    sent = telegram.bot.sent[0]
    assert [button["text"] for button in sent.buttons] == ["Yes " + "x" * 60, "…"]  # one did not fit
    pressed = driver().parse(json.dumps(telegram.bot.press(sent, "…")).encode())[0]
    assert isinstance(pressed, Pressed)
    assert (pressed.of, pressed.button, pressed.chat_id, pressed.sender_id) == (KEY, "no", "7", "7")
    assert pressed.event_id == f"press:{pressed.token}"
    await driver().acknowledge(pressed)
    await driver().acknowledge(pressed)  # an old one is no fault
    assert telegram.bot.answered == [pressed.token]


async def test_what_is_shown_while_an_answer_is_written(telegram: TelegramServer) -> None:
    await driver().draft(3, message(""))
    await driver().draft(3, message("So **far**"))
    assert telegram.bot.drafts == [(7, 3, ""), (7, 3, "So far")]
    telegram.script(Fault(method="sendMessageDraft", status=404, description="Not Found"))
    with pytest.raises(ChannelError) as refused:  # an old server of one's own: no word against the token
        await driver().draft(3, message("So"))
    assert refused.value.permanent and not refused.value.fault
    placed = await driver().place(message("", -100))
    await driver().edit(placed, message("Half", -100))
    await driver().edit(placed, message("Half", -100))  # it says so already
    await driver().edit(placed, message("The **whole**", -100, buttons=(Button(id="a", label="A"),)))
    sent = telegram.bot.sent[0]
    assert ([text for _at, text in sent.edits], sent.entities[0]["type"]) == (["Half", "The whole"], "bold")
    assert sent.buttons[0]["text"] == "A"


@pytest.mark.parametrize("message_id", ["999", "", "-1", "x", "9" * 40, "²"])
async def test_a_message_that_is_gone(telegram: TelegramServer, message_id: str) -> None:
    with pytest.raises(MessageGone):
        await driver().edit(message_id, message("New", -100))


@pytest.mark.parametrize(
    "said",
    ["Bad Request: can't parse entities: wrong", "Bad Request: ENTITY_URL_INVALID", "Bad Request: wrong HTTP URL"],
)
async def test_styles_that_are_refused_are_left_out_once(telegram: TelegramServer, said: str) -> None:
    telegram.script(Fault(method="sendMessage", status=400, description=said))
    await driver().send(message("**Look** [here](https://a.example)"))
    assert [(sent.text, sent.entities) for sent in telegram.bot.sent] == [("Look here (https://a.example)", [])]
    telegram.script(*[Fault(method="sendMessage", status=400, description=said)] * 2)
    with pytest.raises(ChannelError) as refused:
        await driver().send(message("**Look**"))
    assert refused.value.permanent and not refused.value.blocked
    assert len(telegram.called("sendMessage")) == 4


async def test_a_text_of_nothing_is_still_a_message(telegram: TelegramServer) -> None:
    await driver().send(OutboundMessage(chat_id="7", text=" \n "))
    telegram.script(Fault(method="sendMessage", status=400, description="Bad Request: message text is empty"))
    await driver().send(OutboundMessage(chat_id="7", text="\u200b"))
    assert telegram.bot.texts() == ["…", "…"]


@pytest.mark.parametrize(
    ("fault", "meant"),
    [
        (Fault(status=429, retry_after=17), {"retry_after": 17.0}),
        (Fault(status=429, description="Too Many Requests: retry after 0"), {}),
        (Fault(status=403, description="Forbidden: bot was blocked by the user"), {"permanent": True, "blocked": True}),
        (Fault(status=403, description="Forbidden: bot was kicked"), {"permanent": True, "blocked": True}),
        (Fault(status=400, description="Bad Request: chat not found"), {"permanent": True, "blocked": True}),
        (Fault(status=400, description="Bad Request: user is deactivated"), {"permanent": True, "blocked": True}),
        (
            Fault(status=400, description="Bad Request: group chat was upgraded to a supergroup chat"),
            {"permanent": True, "blocked": True},
        ),
        (Fault(status=400, description="Bad Request: message thread not found"), {"permanent": True, "blocked": True}),
        (Fault(status=400, description="Bad Request: not enough rights to send text messages to the chat"),
         {"permanent": True, "blocked": True}),
        (Fault(status=400, description="Bad Request: message is too long"), {"permanent": True}),
        (Fault(status=401, description="Unauthorized"), {"fault": f"{REFUSED} (Unauthorized). {AGAIN}"}),
        (Fault(status=404, description="Not Found"), {"fault": f"{REFUSED} (Not Found). {AGAIN}"}),
        (Fault(status=500), {"ambiguous": False}),
        (Fault(status=502, description="Bad Gateway"), {"ambiguous": False}),
        (Fault(cut=True), {"ambiguous": True}),
        (Fault(body=b"<html>"), {"ambiguous": True}),
        (Fault(body=b"{}"), {"ambiguous": True}),
        (Fault(body=b'{"ok": true, "result": 5}'), {"ambiguous": True}),
        (Fault(status=403, body=b"<html>the proxy says no</html>"), {"ambiguous": True}),
    ],
)  # fmt: skip
async def test_each_refusal_means_something(telegram: TelegramServer, fault: Fault, meant: dict[str, Any]) -> None:
    fault.method = "sendMessage"
    telegram.script(fault)
    with pytest.raises(ChannelError) as refused:
        await driver().send(message("Hello"))
    usual = {"permanent": False, "retry_after": None, "ambiguous": False, "blocked": False, "fault": ""}
    told = {name: getattr(refused.value, name) for name in usual}
    assert told == usual | meant
    assert str(refused.value) and TOKEN not in repr(refused.value)


async def test_who_does_not_wait_as_told_is_seen(telegram: TelegramServer) -> None:
    telegram.flood_share, telegram.flood_seconds = 0.5, 60
    for chat in range(1, 41):
        with suppress(ChannelError):
            await driver().send(message("Hello", chat))
    assert 5 < len(telegram.bot.sent) < 35 and not telegram.early
    refused = next(chat for chat in range(1, 41) if chat not in {sent.chat for sent in telegram.bot.sent})
    with pytest.raises(ChannelError) as slower:
        await driver().send(message("Hello", refused))
    assert 58 < (slower.value.retry_after or 0) <= 61 and len(telegram.early) == 1


async def test_a_late_answer_may_have_been_taken(telegram: TelegramServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "READ_SECONDS", 0.2)
    telegram.script(Fault(method="sendMessage", hang=1))
    with pytest.raises(ChannelError) as refused:
        await driver().send(message("Hello"))
    assert (refused.value.ambiguous, refused.value.permanent, telegram.bot.texts()) == (True, False, ["Hello"])


async def test_nobody_there_is_not_ambiguous(settings: Any) -> None:
    settings.TELEGRAM_API_BASE_URL = "http://127.0.0.1:1"
    with pytest.raises(ChannelError) as refused:
        await driver().send(message("Hello"))
    assert (refused.value.ambiguous, refused.value.permanent) == (False, False)


@pytest.mark.parametrize("chat", ["", "ada", "7/", "/7", "7/x", "٣", "1e3", "7\n", "9" * 30])
async def test_what_is_no_chat_is_refused_here(telegram: TelegramServer, chat: str) -> None:
    with pytest.raises(ChannelError, match="is a number") as refused:
        await driver().send(message("Hello", chat))
    assert refused.value.permanent and telegram.calls == []


async def test_the_token_is_in_no_log(telegram: TelegramServer, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("", "httpx", "httpcore", "httpcore.http11", "httpcore.connection"):
        caplog.set_level(logging.DEBUG, logger=name)
    telegram.script(Fault(method="sendMessage", body=b"<html>"), Fault(method="sendMessage", cut=True))
    for _ in range(3):
        try:
            await driver().send(message("what people wrote"))
        except ChannelError as error:
            assert error.__cause__ is None and error.__suppress_context__
    lines = "\n".join(line.getMessage() for line in caplog.records if not line.name.startswith("aiohttp"))  # the fake
    assert "HTTP Request" in lines
    assert TOKEN.partition(":")[2] not in lines and "what people wrote" not in lines


def test_each_event_loop_has_connections_of_its_own_and_leaves_none_behind(telegram: TelegramServer) -> None:
    before = len(client._lines)
    for text in ("one", "two"):
        async_to_sync(driver().send)(message(text))
    asyncio.run(_many(20))
    assert len(client._lines) == before
    assert len(telegram.bot.sent) == 22


async def _many(count: int) -> None:
    await asyncio.gather(*(driver().send(message(str(number))) for number in range(count)))
    lines = client._lines[asyncio.get_running_loop()]
    assert await Client("1:other").skew() is not None
    assert lines.calls._client is not None


def test_what_a_private_chat_and_a_group_can() -> None:
    private, topic, group = (driver(resend="never").able(chat) for chat in ("7", "7/3", "-100/5"))
    assert (private.live, private.resend, private.chat_rate) == ("draft", "never", "1/second")
    assert private == topic
    assert (group.live, group.resend, group.chat_rate) == ("edit", "edit", "20/minute")
    assert (topic.counted_as, group.counted_as) == ("7", "-100"), "Telegram counts a chat with all its topics"
    assert 24 * 3600 <= sum(private.waits) <= 26 * 3600


async def test_an_answer_to_a_person_in_a_group_quotes_what_they_wrote(telegram: TelegramServer) -> None:
    event = driver().parse(json.dumps(telegram.bot.say("@hal_bot hi", group=-100)).encode())[0]
    assert isinstance(event, IncomingMessage)
    await driver().send(message("Hello", event.chat_id, reply_to=event.answer_to))
    assert telegram.bot.sent[0].reply_to == int(event.answer_to)


def test_the_client_is_loaded_at_first_use_only() -> None:
    read = "driver().parse(b'{}'), driver().verify({HEADER: secret_of(TOKEN)}, b''), driver().parts('**x**')"
    program = (
        "import sys\n"
        "from tests.channels_integrations.platforms.telegram.conftest import TOKEN, driver\n"
        "from channels_integrations.platforms.telegram.webhook import HEADER, secret_of\n"
        f"{read}\n"
        "assert 'telegram' not in sys.modules and 'httpx' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
