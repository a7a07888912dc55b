"""The Bot API through python-telegram-bot, as a client only: one set of connections for all bots of an event loop.

A bot with connections of its own would cost 1.7 MB and 0.1 s, one over shared ones costs 11 KB. Importing this module
takes half a second: at first use, then.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cache
from ssl import SSLContext
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import httpx
from django.conf import settings
from telegram import Bot
from telegram.error import TelegramError
from telegram.request import HTTPXRequest

from channels_integrations.base import ChannelError
from channels_integrations.platforms.telegram import refusals
from channels_integrations.platforms.telegram.updates import KINDS

T = TypeVar("T")
READ_SECONDS = 15.0
AT_ONCE = 32  # calls; what httpx's pool does for a call takes longer the more of them it holds
LAST_ROUND = 0.01  # seconds
POLL_SECONDS = 25  # that Telegram holds a question for new messages, less than proxies wait
TOKEN_IN_ADDRESS = re.compile(r"(?<=/bot)\d+:[\w-]+", re.ASCII)
os.environ.setdefault("PTB_TIMEDELTA", "true")  # read when a 429 comes, and else each warns of a change to come


class _Unnamed(logging.Filter):
    """Tokens are part of every address: lines that name one name it without."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = TOKEN_IN_ADDRESS.sub("***", record.getMessage()), ()
        return True


for _name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy"):
    logging.getLogger(_name).addFilter(_Unnamed())
logging.getLogger("telegram").setLevel(logging.CRITICAL)  # it tells secrets and texts; its faults are raised, too


class _Bot(Bot):
    """With updates as they came: nothing is lost in translation, whatever Telegram adds to them."""

    async def updates(self, offset: int | None) -> Any:
        asked = {"offset": offset, "timeout": POLL_SECONDS, "allowed_updates": list(KINDS)}
        return await self._post("getUpdates", asked, read_timeout=POLL_SECONDS + READ_SECONDS)


@dataclass(slots=True)
class _Lines:
    """The connections of one event loop. `turn`: to call. `skew`: seconds that Telegram's clock is ahead of ours."""

    calls: HTTPXRequest
    polls: HTTPXRequest
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    skew: float | None = None
    keeper: Any = field(default=None, repr=False)


_lines: WeakKeyDictionary[asyncio.AbstractEventLoop, _Lines] = WeakKeyDictionary()


class Client:
    """One bot's calls."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def call(self, ask: Callable[[_Bot], Awaitable[T]]) -> T:
        """What Telegram answers to this. Raises ChannelError, without the token in its text, and nothing else."""
        turn = (await _lines_here()).turn
        try:
            async with asyncio.timeout(settings.SEND_SECONDS / 2):
                await turn.acquire()
        except TimeoutError:  # told apart from a call that Telegram may have taken
            raise ChannelError("too many calls to Telegram are on their way", permanent=False) from None
        try:
            return await self._asked(ask)
        finally:
            turn.release()

    async def updates(self, offset: int | None) -> Any:
        """New ones as they came, after half a minute at most. `offset`: those before it were taken. As `call`."""
        return await self._asked(lambda bot: bot.updates(offset))

    async def _asked(self, ask: Callable[[_Bot], Awaitable[T]]) -> T:
        lines = await _lines_here()
        base = f"{settings.TELEGRAM_API_BASE_URL}/bot"
        bot = _Bot(self._token, base_url=base, request=lines.calls, get_updates_request=lines.polls)
        try:
            return await ask(bot)
        except TelegramError as error:
            raise refusals.refusal(error, self._token) from None
        except (AttributeError, KeyError, TypeError, ValueError):
            raise ChannelError("Telegram's answer cannot be read", permanent=False, ambiguous=True) from None

    async def skew(self) -> float | None:
        """Seconds that Telegram's clock was ahead of ours when it last answered; None: it did not say."""
        return (await _lines_here()).skew


async def post(url: str, *, body: bytes, headers: dict[str, str]) -> int:
    """The status that this address, one of our own, answers with. Raises OSError."""
    try:
        async with httpx.AsyncClient(verify=_trust(), timeout=10) as http:
            return (await http.post(url, content=body, headers=headers)).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise OSError(type(error).__name__) from None


@cache
def _trust() -> SSLContext:
    """Read once a process: it takes 50 ms and a megabyte."""
    return httpx.create_ssl_context()


async def _lines_here() -> _Lines:
    loop = asyncio.get_running_loop()
    lines = _lines.get(loop)
    if lines is None:
        lines = _lines[loop] = _connections()
        lines.keeper = _kept(loop, lines)
        await anext(lines.keeper)
    return lines


def _connections() -> _Lines:
    async def look(response: httpx.Response) -> None:
        lines.skew = _skew(response.headers.get("date", ""))

    def request(most: int) -> HTTPXRequest:
        return HTTPXRequest(
            connection_pool_size=most, read_timeout=READ_SECONDS, write_timeout=10, connect_timeout=5, pool_timeout=20,
            httpx_kwargs={"verify": _trust(), "event_hooks": {"response": [look]}},
        )  # fmt: skip

    lines = _Lines(calls=request(2 * AT_ONCE), polls=request(5_000))
    return lines


async def _kept(loop: asyncio.AbstractEventLoop, lines: _Lines) -> AsyncGenerator[None, None]:
    """Closes the connections when the loop ends: loops end their open generators before they close."""
    try:
        yield
    finally:
        _lines.pop(loop, None)
        await lines.calls.shutdown()
        await lines.polls.shutdown()
        await asyncio.sleep(LAST_ROUND)  # sockets are closed a round of the loop later, and this one's are numbered


def _skew(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() - time.time()
    except (TypeError, ValueError):
        return None
