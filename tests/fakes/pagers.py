"""The server of the made-up pagers in docs/adding-a-channel.md: it is called, and asked, and keeps what it was told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.fakes.loopback import Loopback

SECRET = "a secret of pagers"


class Pagers(Loopback):
    """`pages`: what was sent, in order. `waiting`: what people wrote and nobody has asked for yet."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: list[dict[str, Any]] = []
        self.waiting: list[dict[str, Any]] = []

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/pages", self._taken), web.post("/whoami", self._name), web.post("/next", self._next)]

    def until(self, there: Callable[[dict[str, Any]], bool], seconds: float = 30) -> dict[str, Any]:
        """The first page that is so."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = next((page for page in list(self.pages) if there(page)), None)
            if found is not None:
                return found
            time.sleep(0.05)
        raise AssertionError(f"no such page among {self.pages}")

    async def _taken(self, request: web.Request) -> web.Response:
        self._check(request)
        self.pages.append(await request.json())
        return web.json_response({})

    async def _name(self, request: web.Request) -> web.Response:
        self._check(request)
        return web.json_response({"name": "The night shift"})

    async def _next(self, request: web.Request) -> web.Response:
        """What came after the last that was taken, as soon as there is something."""
        self._check(request)
        after = (await request.json())["after"]
        for _ in range(100):
            ids = [page["id"] for page in self.waiting]
            fresh = self.waiting[ids.index(after) + 1 if after in ids else 0 :]
            if fresh:
                return web.json_response(fresh)
            await asyncio.sleep(0.05)
        return web.json_response([])

    @staticmethod
    def _check(request: web.Request) -> None:
        if request.headers.get("pager-secret") != SECRET:
            raise web.HTTPUnauthorized
