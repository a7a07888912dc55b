"""A model that takes its time, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from tests.product import answering, ended, free_port


@contextmanager
def model(tokens: int, per_second: float) -> Iterator[str]:
    """The address of a model that says so many words at that pace."""
    port = free_port()
    server = subprocess.Popen([sys.executable, "-m", "benchmarks.slow_model", str(port), str(tokens), str(per_second)])
    with ended(server):
        answering(f"http://127.0.0.1:{port}/", server)
        yield f"http://127.0.0.1:{port}/v1"


def words(count: int) -> list[str]:
    """What the model says: a paragraph every eighty words."""
    return [f"word{number}" + ("\n\n" if number % 80 == 79 else " ") for number in range(count)]


def _serve(port: int, tokens: int, per_second: float) -> None:
    async def chat(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        began = asyncio.get_running_loop().time()
        for number, word in enumerate(words(tokens), 1):
            choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
            await response.write(b"data: " + json.dumps({"id": "c", "choices": [choice]}).encode() + b"\n\n")
            await asyncio.sleep(began + number / per_second - asyncio.get_running_loop().time())
        end = {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        await response.write(b"data: " + json.dumps(end).encode() + b"\n\ndata: [DONE]\n\n")
        return response

    async def alive(_: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.add_routes([web.post("/v1/chat/completions", chat), web.get("/", alive)])
    web.run_app(app, host="127.0.0.1", port=port, print=None)


if __name__ == "__main__":
    _serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
