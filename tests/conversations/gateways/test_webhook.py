"""Telegram calls us: the same update many times at one instant, and thousands of calls that are not Telegram's."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections import Counter
from collections.abc import Callable

import aiohttp
import pytest

from bots.remember import forget
from bots.threads import in_thread
from channels_integrations.models import ChannelConfig, RawEvent
from channels_integrations.platforms.telegram.webhook import secret_of
from channels_integrations.setup import Setup
from conversations.models import Delivery, Message, Turn
from tests.conversations.conftest import until_stored
from tests.conversations.gateways.conftest import open_channel
from tests.environment import LONG
from tests.fakes.telegram_server import TOKEN, TelegramServer

pytestmark = pytest.mark.django_db(transaction=True)
CALLS = 5_000 if LONG else 400
HEADER = "X-Telegram-Bot-Api-Secret-Token"
Headers = dict[str, str]
SECRET = secret_of(TOKEN)
FORGED: list[Callable[[random.Random], Headers]] = [
    lambda chance: {},
    lambda chance: {HEADER: ""},
    lambda chance: {HEADER: secret_of("4242:of_another_bot")},
    lambda chance: {HEADER: TOKEN},
    lambda chance: {HEADER: SECRET.upper() if SECRET.upper() != SECRET else "A"},
    lambda chance: {HEADER: changed(SECRET, chance)},
    lambda chance: {HEADER: SECRET[: chance.randrange(64)]},
    lambda chance: {HEADER: SECRET + chance.choice("0aA_-")},
    lambda chance: {HEADER: f"{SECRET},{SECRET}"},
    lambda chance: {HEADER: f"{chance.getrandbits(256):064x}"},
    lambda chance: {HEADER: "0" * chance.randrange(1, 5_000)},
    lambda chance: {HEADER: "".join(chr(chance.randrange(0xA1, 0x2FF)) for _ in range(64))},
    lambda chance: {HEADER.replace("-", "_"): SECRET},
    lambda chance: {"Authorization": f"Bearer {SECRET}"},
    lambda chance: {"X-Telegram-Bot-Api-Secret-Token-": SECRET},
]
BODIES: list[Callable[[random.Random], bytes]] = [
    lambda chance: update(chance.randrange(10**9)),
    lambda chance: update(chance.randrange(10**9))[: chance.randrange(40)],
    lambda chance: chance.randbytes(chance.randrange(200)),
    lambda chance: b"[" * chance.randrange(1, 2_000),
    lambda chance: json.dumps({"update_id": [None], "secret_token": SECRET}).encode(),
]


def update(number: int, text: str = "what is 6 * 7?") -> bytes:
    person = {"id": 7, "is_bot": False, "first_name": "Ada"}
    message = {
        "message_id": number, "date": int(time.time()), "chat": {"id": 7, "type": "private"}, "from": person,
        "text": text,
    }  # fmt: skip
    return json.dumps({"update_id": number, "message": message}).encode()


def changed(secret: str, chance: random.Random) -> str:
    place = chance.randrange(64)
    return secret[:place] + chance.choice([c for c in "0123456789abcdef" if c != secret[place]]) + secret[place + 1 :]


async def opened(demo: Setup, telegram: TelegramServer) -> ChannelConfig:
    return await in_thread(lambda: open_channel(demo, "telegram", telegram.bot.token))


async def test_an_update_that_comes_sixteen_times_at_once_is_answered_once(
    demo: Setup, telegram: TelegramServer, address: str
) -> None:
    row = await opened(demo, telegram)
    path = f"/webhooks/telegram/{row.pk}/"

    async def post(session: aiohttp.ClientSession, body: bytes) -> int:
        async with session.post(path, data=body, headers={HEADER: SECRET}) as answer:
            return answer.status

    async with aiohttp.ClientSession(address) as session:
        for number in range(1, 6):
            body = update(number, f"what is {number} * 7?")
            assert set(await asyncio.gather(*(post(session, body) for _ in range(16)))) == {200}
    await until_stored(lambda: Delivery.objects.filter(state="sent").count() == 5)
    assert await in_thread(Turn.objects.count) == 5
    assert await in_thread(Message.objects.filter(role="user").count) == 5
    texts = telegram.bot.texts()
    assert len(texts) == 5 and all(str(number * 7) in texts[number - 1] for number in range(1, 6))


async def test_what_a_group_says_to_itself_is_taken_and_not_stored(
    demo: Setup, telegram: TelegramServer, address: str
) -> None:
    row = await opened(demo, telegram)
    await in_thread(lambda: ChannelConfig.objects.filter(pk=row.pk).update(account="@hal_bot"))
    forget()
    bodies = [json.dumps(telegram.bot.say(text, group=-100)) for text in ("Nice weather", "@hal_bot hello")]
    async with aiohttp.ClientSession(address) as session:
        for headers, status in (({HEADER: SECRET}, 200), ({}, 401)):
            for body in bodies:
                async with session.post(f"/webhooks/telegram/{row.pk}/", data=body, headers=headers) as answer:
                    assert answer.status == status
    stored = await in_thread(lambda: [bytes(raw.body) for raw in RawEvent.objects.all()])
    assert stored == [bodies[1].encode()]
    await until_stored(lambda: Delivery.objects.filter(state="sent").exists())


async def test_no_forged_call_comes_in(demo: Setup, telegram: TelegramServer, address: str) -> None:
    row = await opened(demo, telegram)
    chance, statuses, places = random.Random(6), Counter[int](), asyncio.Semaphore(30)

    async def call(session: aiohttp.ClientSession, number: int) -> None:
        headers, body = FORGED[number % len(FORGED)](chance), BODIES[number // len(FORGED) % len(BODIES)](chance)
        query = f"?secret_token={SECRET}" if number % 7 == 0 else ""
        async with places, session.post(f"/webhooks/telegram/{row.pk}/{query}", data=body, headers=headers) as answer:
            statuses[answer.status] += 1

    logging.disable(logging.WARNING)  # five thousand lines of them are no news
    async with aiohttp.ClientSession(address) as session:
        await asyncio.gather(*(call(session, number) for number in range(CALLS)))
    logging.disable(logging.NOTSET)
    assert statuses == {401: CALLS}
    assert not await in_thread(RawEvent.objects.exists)
