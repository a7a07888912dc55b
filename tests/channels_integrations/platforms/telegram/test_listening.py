"""Messages in, through the real client: by asking for them, and by a webhook that is set and read back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiohttp import web
from django.db import DatabaseError, OperationalError

from channels_integrations.base import Account, BadSignature, ChannelError, Command, Place
from channels_integrations.platforms.telegram import adapter, polling, webhook
from channels_integrations.platforms.telegram.updates import KINDS
from tests.channels_integrations.platforms.telegram.conftest import driver, message, place
from tests.fakes.loopback import Loopback
from tests.fakes.telegram_server import TOKEN, Fault, TelegramServer

HOOK = "https://bots.example/webhooks/telegram/c/"


class Ear:
    """Takes what is heard. `fails`: how many times it cannot, before it can. `stuck_after`: so many, for ever."""

    def __init__(self, fails: int = 0, stuck_after: int = -1) -> None:
        self.bodies: list[bytes] = []
        self.accounts: list[str] = []
        self.fails = fails
        self.stuck_after = stuck_after

    async def handle(self, body: bytes) -> None:
        if len(self.bodies) == self.stuck_after:
            await asyncio.Event().wait()
        if self.fails:
            self.fails -= 1
            raise OperationalError("the database is away")
        self.bodies.append(body)

    def ready(self, account: Account) -> None:
        self.accounts.append(account.name)

    @property
    def texts(self) -> list[str]:
        return [json.loads(body)["message"]["text"] for body in self.bodies]


class Door(Loopback):
    """Our own webhook, which answers these statuses first. Who is not Telegram gets a 500 there."""

    def __init__(self, *statuses: int) -> None:
        super().__init__()
        self.bodies: list[bytes] = []
        self._statuses = list(statuses)

    @property
    def url(self) -> str:
        return f"{self.origin}/hook"

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/hook", self._hook)]

    async def _hook(self, request: web.Request) -> web.Response:
        body = await request.read()
        driver().verify({name.lower(): value for name, value in request.headers.items()}, body)
        self.bodies.append(body)
        return web.Response(status=self._statuses.pop(0) if self._statuses else 200)


@asynccontextmanager
async def listening(ear: Ear, where: Place | None = None, **config: Any) -> AsyncIterator[asyncio.Task[None]]:
    """As the gateway does, until the end of the block, when it is cancelled."""
    task = asyncio.create_task(driver(**config).listen(where or place(), ear.handle, ear.ready))
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, ChannelError):
            await task


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110  what happens in another thread
            await asyncio.sleep(0.005)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "STORE_AGAIN", (0.01,))
    monkeypatch.setattr(polling, "ASK_AGAIN", (0.01, 0.01, 0.01))
    monkeypatch.setattr(adapter, "LOOK_SECONDS", 0.05)


async def test_messages_come_in_order_and_are_confirmed(telegram: TelegramServer) -> None:
    ear = Ear()
    for number in range(150):  # more than one answer holds
        telegram.bot.say(str(number))
    async with listening(ear):
        await until(lambda: len(ear.bodies) == 150)
        telegram.bot.say("later")
        await until(lambda: len(ear.bodies) == 151)
    assert ear.texts == [*map(str, range(150)), "later"]
    assert ear.accounts == ["@hal_bot"]
    assert ear.bodies[0] == json.dumps(telegram.bot.made[0], sort_keys=True).encode()
    asked = [call.data for call in telegram.called("getUpdates")]
    assert "offset" not in asked[0] and asked[1]["offset"] == telegram.bot.made[99]["update_id"] + 1
    assert asked[0]["allowed_updates"] == list(KINDS)


async def test_what_was_not_confirmed_comes_again_and_nothing_is_skipped(telegram: TelegramServer) -> None:
    for number in range(5):
        telegram.bot.say(str(number))
    first, second = Ear(stuck_after=2), Ear()  # killed in the middle of the third
    async with listening(first):
        await until(lambda: len(first.bodies) == 2)
    async with listening(second):
        await until(lambda: "4" in second.texts)
    assert second.texts == ["0", "1", "2", "3", "4"]
    assert second.bodies[: len(first.bodies)] == first.bodies  # to the byte, so that they are known again


async def test_what_a_group_says_to_itself_is_confirmed_and_not_handed_on(telegram: TelegramServer) -> None:
    ear = Ear()
    for text in ("Nice weather", "@hal_bot which bicycle?", "That one?", "/help"):
        telegram.bot.say(text, group=-100)
    async with listening(ear):
        await until(lambda: len(ear.bodies) == 2)
        telegram.bot.say("That one.", group=-100)
        await until(lambda: not telegram.bot.updates)
    assert ear.texts == ["@hal_bot which bicycle?", "/help"]


async def test_while_the_database_is_away_nothing_is_confirmed(telegram: TelegramServer) -> None:
    ear = Ear(fails=4)
    telegram.bot.say("one")
    telegram.bot.say("two")
    async with listening(ear):
        await until(lambda: len(ear.bodies) == 2)
        assert ear.texts == ["one", "two"]
    assert issubclass(OperationalError, DatabaseError)


async def test_an_outage_is_told_to_the_caller_and_what_came_meanwhile_is_there(telegram: TelegramServer) -> None:
    ear = Ear()
    telegram.script(Fault(method="getUpdates", status=502, description="Bad Gateway"))
    async with listening(ear) as task:
        with pytest.raises(ChannelError) as refused:
            await task
    assert not refused.value.fault and not refused.value.permanent
    telegram.bot.say("meanwhile")
    async with listening(ear):
        await until(lambda: ear.bodies)
    assert ear.accounts == ["@hal_bot"] * 2


async def test_another_program_that_reads_the_same_bot_is_a_fault(telegram: TelegramServer) -> None:
    ear = Ear()
    other = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
    telegram.script(*[Fault(method="getUpdates", status=409, description=other)] * 4)
    async with listening(ear) as task:
        with pytest.raises(ChannelError, match="terminated") as refused:
            await task
    assert refused.value.fault.startswith("Another program reads this bot's messages")
    assert TOKEN not in refused.value.fault


async def test_a_process_that_is_just_ending_is_none(telegram: TelegramServer) -> None:
    ear, before = Ear(), Ear()
    async with listening(before):
        await until(lambda: telegram.bot.poller)
        async with listening(ear):
            await until(lambda: len(telegram.called("getUpdates")) >= 3)
    async with listening(ear):
        telegram.bot.say("hello")
        await until(lambda: ear.bodies)


async def test_a_webhook_that_appears_meanwhile_is_taken_away(telegram: TelegramServer) -> None:
    ear = Ear()
    async with listening(ear):
        await until(lambda: telegram.bot.poller)
        telegram.bot.webhook.url = "https://other.example/"
        telegram.bot.say("hello")
        await until(lambda: ear.bodies)
        telegram.bot.say("again")
        await until(lambda: len(ear.bodies) == 2)
    assert telegram.bot.webhook.url == ""


@pytest.mark.parametrize("updates", ["auto", "polling"])
async def test_asking_takes_an_old_webhook_away_and_keeps_what_waits(telegram: TelegramServer, updates: str) -> None:
    telegram.bot.webhook.url = HOOK
    telegram.bot.say("waits")
    await driver(updates=updates).connect(place("" if updates == "auto" else HOOK))
    assert (telegram.bot.webhook.url, len(telegram.bot.updates)) == ("", 1)


async def test_the_webhook_is_set_with_its_secret_and_read_back(telegram: TelegramServer) -> None:
    for _ in range(2):
        assert await driver(account="").connect(place(HOOK)) == Account("@hal_bot")
    hook = telegram.bot.webhook
    assert (hook.url, hook.secret, telegram.bot.kinds) == (HOOK, webhook.secret_of(TOKEN), set(KINDS))
    assert len(telegram.called("getWebhookInfo")) == 2


@pytest.mark.parametrize(
    ("where", "said"),
    [(place("http://bots.example/x"), "an https url must be provided"), (place(""), "PUBLIC_URL is no https address")],
)
async def test_a_webhook_that_cannot_be_is_a_fault(telegram: TelegramServer, where: Place, said: str) -> None:
    with pytest.raises(ChannelError) as refused:
        await driver(updates="webhook").connect(where)
    assert said in refused.value.fault and not refused.value.permanent


async def test_a_webhook_that_does_not_stay_is_a_fault(telegram: TelegramServer) -> None:
    answer = {
        "url": "https://user:pass@other.example/secret",
        "has_custom_certificate": False,
        "pending_update_count": 0,
    }
    told = json.dumps({"ok": True, "result": answer}).encode()
    telegram.script(Fault(method="getWebhookInfo", body=told))
    with pytest.raises(ChannelError) as refused:
        await driver().connect(place(HOOK))
    assert "other.example" in refused.value.fault
    assert "secret" not in refused.value.fault and "pass" not in refused.value.fault


async def test_a_webhook_that_somebody_changed_is_set_again(telegram: TelegramServer) -> None:
    ear = Ear()
    async with listening(ear, place(HOOK)):
        await until(lambda: ear.accounts)
        telegram.bot.webhook.url = "https://other.example/"
        await until(lambda: len(ear.accounts) == 2)
        assert telegram.bot.webhook.url == HOOK
    assert telegram.called("getUpdates") == []


async def test_a_call_that_we_could_not_take_comes_again_and_shows_the_secret(telegram: TelegramServer) -> None:
    with Door(500, 503) as door:
        await driver().connect(place(door.url))
        said = [telegram.bot.say(text) for text in ("one", "two")]
        await until(lambda: not telegram.bot.updates)
    assert [json.loads(body) for body in door.bodies] == [said[0], said[0], *said]
    assert "503" in telegram.bot.webhook.error
    assert [driver().parse(body)[0].chat_id for body in door.bodies] == ["7"] * 4  # type: ignore[union-attr]


async def test_a_token_that_is_refused_is_a_fault_without_the_token(telegram: TelegramServer) -> None:
    revoked = driver("99:AAAAAAAA_revoked")
    with pytest.raises(ChannelError) as refused:
        await revoked.connect(place())
    assert refused.value.fault.startswith("Telegram refuses this channel's token")
    assert "revoked" not in f"{refused.value!r}{refused.value.fault}"


async def test_the_menu_shows_the_commands_and_is_told_only_when_it_changed(telegram: TelegramServer) -> None:
    menu = (Command("help", "What I can do"), Command("new", "x" * 300), Command("Not a name", "-"))
    for _ in range(2):
        await driver().connect(place("", *menu))
    assert telegram.bot.commands == [
        {"command": "help", "description": "What I can do"}, {"command": "new", "description": "x" * 256},
    ]  # fmt: skip
    assert len(telegram.called("setMyCommands")) == 1
    await driver().connect(place())
    await driver().connect(place())
    assert (telegram.bot.commands, len(telegram.called("deleteMyCommands"))) == ([], 1)


async def test_a_menu_that_is_refused_is_no_reason_not_to_listen(telegram: TelegramServer) -> None:
    telegram.script(
        Fault(method="setMyCommands", status=400, description="Bad Request: BOT_COMMAND_INVALID"),
        Fault(method="setMyCommands", status=429, retry_after=300),
    )
    for _ in range(2):
        assert (await driver().connect(place("", Command("help", "Help")))).name == "@hal_bot"


async def test_hundreds_of_bots_share_their_connections(telegram: TelegramServer) -> None:
    tokens = [f"{number}:AAAAAAAA" for number in range(1, 51)]
    for token in tokens:
        telegram.add(token, f"bot_{token[:-9]}_bot")
    started = asyncio.get_running_loop().time()
    named = await asyncio.gather(*(driver(token).connect(place(HOOK)) for token in tokens))
    assert len({account.name for account in named}) == 50
    assert asyncio.get_running_loop().time() - started < 15


def test_only_telegram_knows_the_secret() -> None:
    ours = driver()
    right = webhook.secret_of(TOKEN)
    ours.verify({webhook.HEADER: right}, b"")
    assert right != webhook.secret_of("1:other") and right.isascii() and len(right) == 64
    assert TOKEN.partition(":")[2] not in right
    forged = [
        "",
        right[:-1],
        right + "0",
        right.upper(),
        "\ud800",
        "ä" * 64,
        "\0",
        "0" * 100_000,
        right.replace("a", "а"),
    ]
    for secret in [*forged, *(f"{number:064x}" for number in range(5_000))]:
        with pytest.raises(BadSignature) as refused:
            ours.verify({webhook.HEADER: secret}, b"{}")
        assert right not in str(refused.value)
    with pytest.raises(BadSignature):
        ours.verify({}, b"")


async def test_a_message_after_reconnecting_goes_to_the_same_chat(telegram: TelegramServer) -> None:
    telegram.bot.say("@hal_bot hi", group=-100, thread=9)
    ear = Ear()
    async with listening(ear):
        await until(lambda: ear.bodies)
    event: Any = driver(in_groups="all").parse(ear.bodies[0])[0]
    await driver().send(message("Hello", event.chat_id))
    assert (telegram.bot.sent[0].chat, telegram.bot.sent[0].thread) == (-100, 9)
