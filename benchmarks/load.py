"""People who talk: sockets of the web chat, each as cheap for this side as can be."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import aiohttp
import orjson

PATIENCE = 60.0  # seconds that a turn may take
BURST, PER_SECOND = 5, 0.98  # messages that the product takes of one socket at once, and then


@dataclass(frozen=True, slots=True)
class Timed:
    """A turn: seconds from the message to the first text and to the stored answer."""

    first: float
    total: float


class Failed(Exception):
    """The turn did not come to its end."""


class Visitor:
    """An open socket, greeted. It is read all the time, so that the server's pings are answered."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.said: deque[float] = deque(maxlen=BURST)
        self._began = self._first = 0.0
        self._answer: asyncio.Future[Timed] | None = None
        self._reading = asyncio.create_task(self._read())

    def wait(self) -> float:
        """Seconds until the product takes another message of it."""
        if len(self.said) < BURST:
            return 0.0
        return max(0.0, self.said[0] + BURST / PER_SECOND - time.monotonic())

    async def ask(self, text: str) -> Timed:
        """Says it and waits for the whole answer. Raises Failed."""
        if self._reading.done():
            raise Failed(f"the socket was closed: {self.socket.close_code}")
        self.said.append(time.monotonic())
        self._answer = asyncio.get_running_loop().create_future()
        self._began, self._first = time.perf_counter(), 0.0
        await self.socket.send_str(f'{{"type":"message","id":"{self._began}","text":"{text}"}}')
        return await self._answer

    async def _read(self) -> None:
        async for frame in self.socket:
            self._hear(frame.data)
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Failed(f"the socket was closed: {self.socket.close_code}"))

    def _hear(self, told: str) -> None:
        if self._answer is None or self._answer.done():
            return
        if told.startswith('{"type":"delta"'):
            self._first = self._first or time.perf_counter() - self._began
        elif told.startswith('{"type":"error"') or '"notice":true' in told:
            self._answer.set_exception(Failed(told))
        elif told.startswith('{"type":"message"') and '"role":"assistant"' in told:
            total = time.perf_counter() - self._began
            self._answer.set_result(Timed(self._first or total, total))


class Crowd:
    """Visitors of one target, who take turns: the product takes one message a second of each."""

    def __init__(self, address: str) -> None:
        self.address = f"{address.replace('http', 'ws')}/ws/chat/bench/"
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self.visitors: deque[Visitor] = deque()
        self.failures: list[str] = []

    async def come(self, tokens: Sequence[str], *, at_once: int = 20) -> None:
        """One socket for each token; "" is somebody new."""
        waiting = deque(tokens)

        async def door() -> None:
            while waiting:
                self.visitors.append(await self._open(waiting.popleft()))

        await asyncio.gather(*(door() for _ in range(at_once)))

    async def _open(self, token: str) -> Visitor:
        socket = await self.session.ws_connect(self.address, autoping=True, max_msg_size=0)
        hello = {"type": "hello", "visitor": token or None}
        await socket.send_str(orjson.dumps(hello).decode())
        ready = orjson.loads(await socket.receive_str(timeout=PATIENCE))
        if "bot" in ready:  # the product's `ready` is followed by `history`, the reference's stands alone
            await socket.receive_str(timeout=PATIENCE)
        return Visitor(socket)

    async def talk(self, pace: str, *, users: int, seconds: float) -> list[Timed]:
        """So many turns in flight for so long, and until the last is answered. `failures` has what went wrong."""
        end = time.monotonic() + seconds
        done: list[Timed] = []

        async def user() -> None:
            while time.monotonic() < end:
                visitor = self.visitors.popleft()
                await asyncio.sleep(visitor.wait())
                try:
                    async with asyncio.timeout(PATIENCE):
                        done.append(await visitor.ask(f"{pace}: where is my parcel?"))
                    self.visitors.append(visitor)
                except (Failed, TimeoutError, aiohttp.ClientError) as error:
                    self.failures.append(f"{type(error).__name__} {error}")

        await asyncio.gather(*(user() for _ in range(users)))
        return done

    async def leave(self, keep: int = 0) -> None:
        """Close all sockets but so many."""
        while len(self.visitors) > keep:
            with suppress(aiohttp.ClientError, OSError):
                await self.visitors.pop().socket.close()

    async def close(self) -> None:
        await self.leave()
        await self.session.close()
