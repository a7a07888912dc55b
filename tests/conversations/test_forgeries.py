"""Calls that no platform made: none comes in, none is a fault of ours, and replays change nothing."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import random
import time
from collections import Counter
from collections.abc import Callable

import aiohttp
import pytest

from bots.threads import in_thread
from channels_integrations.models import RawEvent
from channels_integrations.setup import Setup
from conversations.models import Message
from tests.conversations.conftest import until_stored
from tests.environment import LONG
from tests.fakes.webhook_receiver import SECRET, signed

pytestmark = pytest.mark.django_db(transaction=True)
CALLS = 5_000 if LONG else 600
Headers = dict[str, str]
OTHER = "whsec_" + base64.b64encode(b"another secret of 24 bytes and more").decode()
SPOILED: list[Callable[[Headers, bytes, random.Random], Headers]] = [
    lambda headers, body, chance: signed(body, secret=OTHER),
    lambda headers, body, chance: signed(body + b" "),
    lambda headers, body, chance: signed(body, at=time.time() - chance.choice([600, 3_600, 10**9])),
    lambda headers, body, chance: signed(body, at=time.time() + chance.choice([600, 3_600, 10**9])),
    lambda headers, body, chance: headers | {"webhook-signature": cut(headers["webhook-signature"], chance)},
    lambda headers, body, chance: headers | {"webhook-signature": noise(chance)},
    lambda headers, body, chance: headers | {"webhook-signature": "v1," + noise(chance)},
    lambda headers, body, chance: headers | {"webhook-signature": " ".join(["v1,AAAA"] * chance.randrange(1, 400))},
    lambda headers, body, chance: headers | {"webhook-signature": "v2" + headers["webhook-signature"][2:]},
    lambda headers, body, chance: headers | {"webhook-timestamp": noise(chance)},
    lambda headers, body, chance: headers | {"webhook-timestamp": "9" * chance.randrange(13, 5_000)},
    lambda headers, body, chance: headers | {"webhook-timestamp": f"{headers['webhook-timestamp'][:-1]}_0"},
    lambda headers, body, chance: headers | {"webhook-id": noise(chance)},
    lambda headers, body, chance: headers | {"webhook-id": "x" * 5_000},
    lambda headers, body, chance: dict(chance.sample([*headers.items()], 2)),
]


def cut(text: str, chance: random.Random) -> str:
    place = chance.randrange(3, len(text) - 2)  # the last letter's low bits say nothing
    return text[:place] + chance.choice(["", "A" if text[place] != "A" else "B"]) + text[place + 1 :]


def noise(chance: random.Random) -> str:
    return "".join(chance.choice("v1,=+/ AZaz09._-%\t\"'") for _ in range(chance.randrange(60))).strip() or "x"


async def test_none_of_them_comes_in(hook: Setup, address: str) -> None:
    chance = random.Random(5)
    statuses: Counter[int] = Counter()
    places = asyncio.Semaphore(30)

    async def call(session: aiohttp.ClientSession, number: int) -> None:
        body = json.dumps({"id": str(number), "chat_id": "c", "sender_id": "p", "text": "let me in"}).encode()
        headers = SPOILED[number % len(SPOILED)](signed(body), body, chance)
        async with places, session.post(f"/webhooks/webhook/{hook.channel_id}/", data=body, headers=headers) as answer:
            statuses[answer.status] += 1

    logging.disable(logging.WARNING)  # a line of each is no news
    async with aiohttp.ClientSession(address) as session:
        await asyncio.gather(*(call(session, number) for number in range(CALLS)))
    logging.disable(logging.NOTSET)
    assert statuses == {401: CALLS}
    assert not await in_thread(RawEvent.objects.exists)


async def test_a_genuine_call_that_is_replayed_changes_nothing(hook: Setup, address: str) -> None:
    body = json.dumps({"id": "1", "chat_id": "c", "sender_id": "p", "text": "hello"}).encode()
    headers = signed(body, secret=SECRET)
    async with aiohttp.ClientSession(address) as session:
        for _ in range(50):
            async with session.post(f"/webhooks/webhook/{hook.channel_id}/", data=body, headers=headers) as answer:
                assert answer.status == 200
    await until_stored(Message.objects.filter(role="user").exists)
    assert await in_thread(RawEvent.objects.count) == 1
    assert await in_thread(Message.objects.filter(role="user").count) == 1
