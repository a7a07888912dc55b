"""People who write, through a platform that sends again until it hears 2xx."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp

from tests.chaos.fleet import Fleet
from tests.fakes.webhook_receiver import signed

GIVE_UP = 240.0  # seconds until a message that nobody takes is a failure, on the slowest machine too


@dataclass(slots=True)
class Load:
    """Messages to one channel; those of one chat one after another, each said again until it was acknowledged."""

    fleet: Fleet
    kind: str
    seed: int
    text: Callable[[str, int], str] = lambda chat, number: f"{chat} says {number}"
    prefix: str = ""  # of the chats' names
    repeats: float = 0.0  # the share that is sent twice although it was acknowledged
    over: bool = False  # no new messages, when it is set
    acked: dict[str, list[str]] = field(default_factory=dict)  # texts by chat, in order
    statuses: Counter[int] = field(default_factory=Counter)  # 0: no answer

    async def run(self, *, chats: int, each: int, rate: float = 0.0, more: int = 0) -> None:
        """All of it. `rate`: messages a second over all chats, 0 for as fast as they are taken.

        The first `more` chats say one more.
        """
        chance = random.Random(self.seed)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10)) as session:
            pause = chats / rate if rate else 0.0
            names = [f"{self.prefix or self.kind}-{number}" for number in range(chats)]
            own = [random.Random(chance.random()) for _ in names]
            counts = [each + (place < more) for place in range(chats)]
            await asyncio.gather(
                *(self._chat(session, *it[:2], pause, it[2]) for it in zip(names, counts, own, strict=True))
            )

    async def _chat(
        self, session: aiohttp.ClientSession, chat: str, each: int, pause: float, chance: random.Random
    ) -> None:
        await asyncio.sleep(chance.uniform(0, pause))
        for number in range(each):
            if self.over:
                return
            text = self.text(chat, number)
            body = json.dumps({"id": f"{chat}:{number}", "chat_id": chat, "sender_id": chat, "text": text}).encode()
            await self._post(session, body, chance)
            self.acked.setdefault(chat, []).append(text)
            if chance.random() < self.repeats:
                await asyncio.gather(self._post(session, body, chance), self._post(session, body, chance))
            await asyncio.sleep(pause)

    async def _post(self, session: aiohttp.ClientSession, body: bytes, chance: random.Random) -> None:
        async with asyncio.timeout(GIVE_UP):
            while True:
                status = await self._try(session, body, chance)
                self.statuses[status] += 1
                if status == 200:
                    return
                await asyncio.sleep(chance.uniform(0.05, 0.3))

    async def _try(self, session: aiohttp.ClientSession, body: bytes, chance: random.Random) -> int:
        webs = [process for process in self.fleet.processes if process.role == "web"]
        if not webs:
            return 0
        address = f"{chance.choice(webs).address}/webhooks/{self.kind}/{self.fleet.rows[self.kind]}/"
        try:
            async with session.post(address, data=body, headers=signed(body)) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0
