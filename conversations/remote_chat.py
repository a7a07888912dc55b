"""A conversation on another installation, over its REST API with streaming."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Self

import aiohttp
import orjson


class RemoteFault(Exception):
    """The other side refused or is away; the text is one line for people."""


class Remote:
    """`async with Remote(url, key, bot) as remote`, then `remote.say(text)` for each message."""

    def __init__(self, url: str, key: str, bot: str) -> None:
        self.url, self.key, self.bot = url.rstrip("/"), key, bot
        self.conversation = ""

    async def __aenter__(self) -> Self:
        headers = {"Authorization": f"Bearer {self.key}"}
        self._session = aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=150))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def say(self, text: str) -> AsyncGenerator[str, None]:
        """The answer's pieces. Raises RemoteFault."""
        try:
            if not self.conversation:
                await self._start()
            url = f"{self.url}/api/v1/conversations/{self.conversation}/messages/"
            headers = {"Accept": "text/event-stream"}
            async with self._session.post(url, json={"message": text}, headers=headers) as response:
                if response.status != 200:
                    raise RemoteFault(await _reason(response))
                async for piece in _pieces(response):
                    yield piece
        except aiohttp.ClientError as error:
            raise RemoteFault(f"Cannot reach {self.url}: {error}") from None

    async def _start(self) -> None:
        body = {"bot": self.bot, "user": "terminal"}
        async with self._session.post(f"{self.url}/api/v1/conversations/", json=body) as response:
            if response.status != 201:
                raise RemoteFault(await _reason(response))
            self.conversation = (await response.json())["id"]


async def _pieces(response: aiohttp.ClientResponse) -> AsyncGenerator[str, None]:
    shown = ""
    async for line in response.content:
        if not line.startswith(b"data: "):
            continue
        frame: dict[str, Any] = orjson.loads(line[6:])
        if frame["type"] == "start" and shown:
            shown = ""
            yield "\n(again)\n"
        elif frame["type"] == "delta":
            shown += frame["text"]
            yield frame["text"]
        elif frame["type"] == "error":
            raise RemoteFault(str(frame.get("detail")))
        elif frame["type"] == "message" and frame["text"] != shown.strip():
            yield frame["text"].removeprefix(shown.strip())


async def _reason(response: aiohttp.ClientResponse) -> str:
    try:
        return f"{response.status}: {(await response.json(content_type=None))['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"The server answered {response.status}."
