"""What the doctor finds in a Telegram channel, and the mend that it tells."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web

from channels_integrations.base import BadSignature, Finding
from tests.channels_integrations.platforms.telegram.conftest import driver, place
from tests.fakes.loopback import Loopback
from tests.fakes.telegram_server import Fault, TelegramServer

ALL = ["token", "webhook", "webhook errors", "secret", "pending updates", "privacy mode", "groups", "clock"]


class Door(Loopback):
    """Our own webhook, as the product answers it. `open`: it lets everybody in."""

    open = False

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/hook", self._hook)]

    @property
    def url(self) -> str:
        return f"{self.origin}/hook"

    async def _hook(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            driver().verify({name.lower(): value for name, value in request.headers.items()}, body)
        except BadSignature:
            return web.Response(status=200 if self.open else 401)
        assert driver().parse(body) == [] or b"update_id" in body
        return web.Response(status=200)


@pytest.fixture
def door() -> Iterator[Door]:
    with Door() as door:
        yield door


async def found(webhook: str = "", **config: Any) -> dict[str, Finding]:
    return {finding.check: finding for finding in await driver(**config).diagnose(place(webhook))}


async def test_a_channel_that_is_right(telegram: TelegramServer, door: Door) -> None:
    await driver().connect(place(door.url))
    told = await found(door.url)
    assert list(told) == ALL
    assert [finding for finding in told.values() if not finding.ok] == []
    assert told["token"].message == "It is @hal_bot."
    asked = await found(updates="polling")
    assert not asked["webhook"].ok and "127.0.0.1" in asked["webhook"].message and asked["webhook"].mend
    await driver().connect(place())
    assert all(finding.ok for finding in (await found()).values())


async def test_a_token_that_is_refused(telegram: TelegramServer) -> None:
    told = await found(token="99:AAAAAAAA_revoked")
    assert list(told) == ["token"] and not told["token"].ok
    assert "BotFather" in told["token"].message and "channel's page" in told["token"].mend
    assert "revoked" not in repr(told)


async def test_nobody_there(settings: Any) -> None:
    settings.TELEGRAM_API_BASE_URL = "http://127.0.0.1:1"
    told = await found()
    assert not told["token"].ok and "TELEGRAM_API_BASE_URL" in told["token"].mend


async def test_a_failure_half_way_keeps_what_was_found(telegram: TelegramServer) -> None:
    telegram.script(Fault(method="getWebhookInfo", status=500))
    told = await found()
    assert [(name, finding.ok) for name, finding in told.items()] == [("token", True), ("telegram", False)]


async def test_a_webhook_that_is_not_ours_or_not_there(telegram: TelegramServer, door: Door) -> None:
    assert "nobody" in (await found(door.url))["webhook"].message
    telegram.bot.webhook.url = "https://user:pass@other.example/secret"
    told = await found(door.url)
    assert "other.example" in told["webhook"].message and "secret" not in told["webhook"].message
    nowhere = await found("", updates="webhook")
    assert not nowhere["webhook"].ok and "PUBLIC_URL" in nowhere["webhook"].mend


async def test_trouble_of_telegram_with_our_address(telegram: TelegramServer, door: Door) -> None:
    await driver().connect(place(door.url))
    telegram.bot.webhook.error, telegram.bot.webhook.error_at = "SSL error", int(time.time()) - 120
    told = await found(door.url)
    assert not told["webhook errors"].ok and "SSL error" in told["webhook errors"].message
    telegram.bot.webhook.error_at -= 86_400
    assert (await found(door.url))["webhook errors"].ok


async def test_a_door_that_lets_everybody_in_or_nobody(telegram: TelegramServer, door: Door) -> None:
    await driver().connect(place(door.url))
    door.open = True
    told = await found(door.url)
    assert not told["secret"].ok and told["secret"].mend
    closed = await found("http://127.0.0.1:1/hook")
    assert not closed["secret"].ok and "cannot be reached" in closed["secret"].message


async def test_messages_that_nobody_fetches(telegram: TelegramServer) -> None:
    for _ in range(100):
        telegram.bot.say("?")
    assert not (await found())["pending updates"].ok


@pytest.mark.parametrize(
    ("config", "privacy", "groups"),
    [({}, True, True), ({"in_groups": "all"}, False, False), ({"prefix": "hal"}, False, True),
     ({"in_groups": "never", "prefix": "hal"}, True, True)],
)  # fmt: skip
async def test_what_the_bot_may_see(
    telegram: TelegramServer, config: dict[str, Any], privacy: bool, groups: bool
) -> None:
    telegram.bot.can_join_groups = False
    told = await found(**config)
    assert (told["privacy mode"].ok, told["groups"].ok) == (privacy, groups)
    telegram.bot.can_read_all = telegram.bot.can_join_groups = True
    assert all(finding.ok for finding in (await found(**config)).values())


async def test_a_clock_that_is_wrong(telegram: TelegramServer) -> None:
    telegram.date = "Mon, 01 Jan 2024 00:00:00 GMT"
    told = await found()
    assert not told["clock"].ok and "ahead of" in told["clock"].message
    telegram.date = "yesterday"
    assert (await found())["clock"].ok
