"""A model that costs next to nothing: OpenAI's protocol on a bare socket, in a process of its own.

The last of the words `instant` and `paced` in a request decides. Instant: 20 tokens in one write. Paced: 40 tokens, the
first after 0.3 s, then 50 a second. `GET /lateness` tells how late its writes were since the last time it was asked.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any, cast

from benchmarks.machine import cpu_seconds
from tests.product import answering, ended, free_port

FIRST, PACE, TOKENS = 0.3, 0.02, 40
OWN_TIME = {"instant": (0.0, 0.0), "paced": (FIRST, FIRST + (TOKENS - 1) * PACE)}  # (first token, whole answer)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def _event(payload: dict[str, Any] | str) -> bytes:
    told = payload if isinstance(payload, str) else json.dumps(payload)
    data = f"data: {told}\n\n".encode()
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def _token(number: int) -> bytes:
    delta = {"content": f"word{number} "}
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    return _event({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "bench", "choices": [choice]})


def _end(tokens: int) -> bytes:
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "bench"}
    usage = {"prompt_tokens": 400, "completion_tokens": tokens, "total_tokens": 400 + tokens}
    stop = [{"index": 0, "delta": {}, "finish_reason": "stop"}]
    parts: list[dict[str, Any] | str] = [{**chunk, "choices": stop}, {**chunk, "choices": [], "usage": usage}, "[DONE]"]
    return b"".join(_event(part) for part in parts) + b"0\r\n\r\n"


INSTANT = HEAD + b"".join(_token(number) for number in range(20)) + _end(20)
PIECES = [*(_token(number) for number in range(TOKENS - 1)), _token(TOKENS - 1) + _end(TOKENS)]
late: list[float] = []


class Speaker(asyncio.Protocol):
    """One connection; requests come one after the other."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.buffer, self.loop = b"", asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if found and len(rest) >= (length := _length(head)):
            self.buffer = rest[length:]
            self._answer(head, rest[:length])

    def _answer(self, head: bytes, body: bytes) -> None:
        if not head.startswith(b"POST /v1/chat/completions"):
            told = _lateness() if head.startswith(b"GET /lateness") else b""
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(told), told))
        elif body.rfind(b"paced") > body.rfind(b"instant"):
            self.transport.write(HEAD)
            self._say(0, self.loop.time() + FIRST)
        else:
            self.transport.write(INSTANT)

    def _say(self, number: int, due: float) -> None:
        self.loop.call_at(due, self._write, number, due)

    def _write(self, number: int, due: float) -> None:
        late.append(self.loop.time() - due)
        self.transport.write(PIECES[number])
        if number + 1 < TOKENS and not self.transport.is_closing():
            self._say(number + 1, due + PACE)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def _lateness() -> bytes:
    told = {"median": median(late) if late else 0.0, "worst": max(late, default=0.0)}
    late.clear()
    return json.dumps(told).encode()


@dataclass(frozen=True, slots=True)
class Model:
    """The running one."""

    pid: int
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def lateness(self) -> float:
        """Median seconds that its paced writes came late since the last question."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/lateness", timeout=10) as answer:
            return float(json.load(answer)["median"])

    async def ceiling(self, seconds: float = 1.0) -> str:
        """What it can do by itself, as a sentence: instant calls a second, and what one costs it."""
        before, loop = cpu_seconds(self.pid), asyncio.get_running_loop()
        began = loop.time()
        counts = await asyncio.gather(*(self._hammer(began + seconds) for _ in range(20)))
        calls, spent = sum(counts), loop.time() - began
        each = (cpu_seconds(self.pid) - before) / calls * 1000
        return f"the model alone: {calls / spent:,.0f} instant calls/s beside its client, {each:.2f} ms CPU a call"

    async def _hammer(self, end: float) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        body = json.dumps({"messages": [{"role": "user", "content": "instant " * 400}]}).encode()
        request = b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        count = 0
        while asyncio.get_running_loop().time() < end:
            writer.write(request)
            await reader.readuntil(b"\r\n0\r\n\r\n")
            count += 1
        writer.close()
        return count


@contextmanager
def model() -> Iterator[Model]:
    """A process of its own, on the cores of whoever starts it."""
    port = free_port()
    server = subprocess.Popen([sys.executable, "-m", "benchmarks.loopback_model", str(port)])
    with ended(server):
        answering(f"http://127.0.0.1:{port}/", server)
        yield Model(server.pid, port)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Speaker, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve(int(sys.argv[1])))
