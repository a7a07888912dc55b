"""The other side of a webhook channel: takes signed calls on loopback, answers as scripted, remembers everything.

`with Receiver(secret) as receiver:` then `receiver.url`; `receiver.script(429, 200)` queues statuses, else 200.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web

SECRET = "whsec_" + base64.b64encode(b"a secret of at least 24 bytes").decode()


def signed(body: bytes, *, secret: str = SECRET, message_id: str = "m", at: float | None = None) -> dict[str, str]:
    """Headers of a call, computed apart from the product's own code."""
    stamp = str(int(time.time() if at is None else at))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    signature = "v1," + base64.b64encode(digest).decode()
    return {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": signature}


@dataclass(slots=True, kw_only=True)
class Call:
    """One call that came in, as it was answered."""

    id: str
    body: dict[str, Any]
    at: float
    status: int
    genuine: bool


@dataclass(slots=True, kw_only=True)
class Answer:
    """How to answer. `hang`: seconds after the call was taken and before it is answered."""

    status: int = 200
    retry_after: str = ""
    hang: float = 0.0


class Receiver:
    """Runs in a thread of its own with its own loop."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.url = ""
        self._script: deque[Answer] = deque()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def script(self, *answers: Answer) -> None:
        """What the next calls are answered with."""
        self._script.extend(answers)

    def taken(self) -> list[dict[str, Any]]:
        """Bodies that were accepted, in order; a repeat of an id counts once, as its contract says."""
        found = {call.id: call.body for call in self.calls if call.status == 200}
        return list(found.values())

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        app = web.Application()
        app.add_routes([web.post("/hook", self._hook)])
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        self._loop.run_until_complete(runner.setup())
        self._loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0).start())
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _hook(self, request: web.Request) -> web.Response:
        body = await request.read()
        answer = self._script.popleft() if self._script else Answer()
        name, stamp = request.headers["webhook-id"], float(request.headers["webhook-timestamp"])
        genuine = signed(body, message_id=name, at=stamp)["webhook-signature"] == request.headers["webhook-signature"]
        self.calls.append(Call(id=name, body=json.loads(body), at=time.time(), status=answer.status, genuine=genuine))
        await asyncio.sleep(answer.hang)
        headers = {"Retry-After": answer.retry_after} if answer.retry_after else {}
        return web.Response(status=answer.status, headers=headers)
