"""The product in a process of its own, as `make run` starts it, and a model that takes its time."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiohttp import web

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def product(**variables: str) -> Iterator[str]:
    """Its address; everything is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        environment = {
            **os.environ, "SWITCHBOARD_ENV_FILE": "", "SECRET_KEY": "x" * 60, "DEBUG": "true", "REDIS_URL": "",
            "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3", "RATE_LIMIT_PER_MINUTE": "0",
            "SOCKETS_PER_ADDRESS": "0", "LOG_LEVEL": "WARNING", **variables,
        }  # fmt: skip
        command = [sys.executable, "manage.py", "serve", "--prepare", "--port", str(port)]
        with (
            Path(folder, "log").open("w") as log,
            _ended(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)),
        ):
            _await(f"http://127.0.0.1:{port}/ready")
            yield f"http://127.0.0.1:{port}"


@contextmanager
def model(tokens: int, per_second: float) -> Iterator[str]:
    """The address of a model that says so many words at that pace, in a process of its own."""
    port = _free_port()
    command = [sys.executable, "-m", "benchmarks.served", str(port), str(tokens), str(per_second)]
    with _ended(subprocess.Popen(command, cwd=ROOT)):
        _await(f"http://127.0.0.1:{port}/")
        yield f"http://127.0.0.1:{port}/v1"


def words(count: int) -> list[str]:
    """What the model says: a paragraph every eighty words."""
    return [f"word{number}" + ("\n\n" if number % 80 == 79 else " ") for number in range(count)]


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        process.wait(40)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(url: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise SystemExit(f"{url} did not come up")


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
