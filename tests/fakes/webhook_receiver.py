"""The other side of a webhook channel: takes signed calls on loopback, answers as scripted, remembers everything.

`with Receiver(secret) as receiver:` then `receiver.url`; `receiver.script(429, 200)` queues statuses, else 200.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.fakes.loopback import Loopback

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


class Receiver(Loopback):
    """A customer's program that takes replies."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self._script: deque[Answer] = deque()

    @property
    def url(self) -> str:
        return f"{self.origin}/hook"

    def script(self, *answers: Answer) -> None:
        """What the next calls are answered with."""
        self._script.extend(answers)

    def taken(self) -> list[dict[str, Any]]:
        """Bodies that were accepted, in order; a repeat of an id counts once, as its contract says."""
        found = {call.id: call.body for call in self.calls if call.status == 200}
        return list(found.values())

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/hook", self._hook)]

    async def _hook(self, request: web.Request) -> web.Response:
        body = await request.read()
        answer = self._script.popleft() if self._script else Answer()
        name, stamp = request.headers["webhook-id"], float(request.headers["webhook-timestamp"])
        genuine = signed(body, message_id=name, at=stamp)["webhook-signature"] == request.headers["webhook-signature"]
        self.calls.append(Call(id=name, body=json.loads(body), at=time.time(), status=answer.status, genuine=genuine))
        await asyncio.sleep(answer.hang)
        headers = {"Retry-After": answer.retry_after} if answer.retry_after else {}
        return web.Response(status=answer.status, headers=headers)
