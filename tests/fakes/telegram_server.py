"""A Bot API server on loopback, with Telegram's true semantics, which remembers all that it took: the judge.

`with TelegramServer() as telegram:` then TELEGRAM_API_BASE_URL is `telegram.origin`, and `telegram.bot` is a bot, with
its `token`; `telegram.add(token, username)` makes another. People write by `telegram.bot.say(...)`. Faults:
`telegram.script(Fault(...))` for the next calls that it fits, `flood_share` for a share of all sends, `rates` for
Telegram's own limits. `telegram.early` are sends before a `retry_after` was over.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

from tests.fakes.loopback import Loopback
from tests.fakes.telegram_account import Account, Sent
from tests.fakes.telegram_methods import METHODS, SENDS
from tests.fakes.telegram_texts import Refused

TOKEN = "4242:AAF-a_token_of_letters_that_nobody_may_see"
JSON = {
    "entities", "reply_markup", "reply_parameters", "link_preview_options", "allowed_updates", "commands", "scope",
    "chat_id", "message_id", "message_thread_id", "draft_id", "offset", "limit", "timeout", "max_connections",
    "drop_pending_updates",
}  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Fault:
    """How a call fails. `method`: "" for any. Without `status` it is taken, and its answer comes late or never.

    `hang`: seconds between taking and answering; `cut`: the connection ends instead of an answer.
    """

    method: str = ""
    status: int = 0
    description: str = "Internal Server Error"
    retry_after: int | None = None
    hang: float = 0.0
    cut: bool = False
    body: bytes | None = None


@dataclass(slots=True, kw_only=True)
class Call:
    """A call as it came and was answered."""

    method: str
    token: str
    data: dict[str, Any]
    at: float
    status: int = 0


class TelegramServer(Loopback):
    """Telegram."""

    def __init__(self, *, token: str = TOKEN, username: str = "hal_bot", seed: int = 1) -> None:
        super().__init__()
        self.accounts: dict[str, Account] = {}
        self.calls: list[Call] = []
        self.early: list[Call] = []
        self.flood_share = 0.0
        self.flood_seconds = 1
        self.rates = False
        self.longest_poll = 50.0
        self.redeliver = 0.05  # seconds before a failed webhook call is made again; doubled each time
        self.date = ""  # of the answers; "" for the true one
        self._script: deque[Fault] = deque()
        self._random = random.Random(seed)
        self._closed_until: dict[tuple[str, int], float] = {}
        self._deliveries: dict[str, asyncio.Task[None]] = {}
        self.bot = self.add(token, username)

    def add(self, token: str, username: str) -> Account:
        """One more bot."""
        account = self.accounts[token] = Account(token, username)
        account.wake = lambda: self._run(lambda: self._woken(account))
        return account

    def say(self, account: Account, text: str, **more: Any) -> dict[str, Any]:
        """A person writes, as `account.say`, while the server is asked for updates: in its own loop."""

        async def said() -> dict[str, Any]:
            return account.say(text, **more)

        return asyncio.run_coroutine_threadsafe(said(), self._loop).result(10)

    def revoke(self, account: Account, token: str = "") -> None:
        """Its token is refused from now on; `token` is its new one."""
        self.accounts.pop(account.token)
        if token:
            account.token = token
            self.accounts[token] = account

    def script(self, *faults: Fault) -> None:
        """How the next calls that fit fail, one after the other."""
        self._script.extend(faults)

    def called(self, method: str) -> list[Call]:
        """The calls of a method, in order."""
        return [call for call in self.calls if call.method == method]

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/bot{token}/{method}", self._call), web.get("/bot{token}/{method}", self._call)]

    def __exit__(self, *_: object) -> None:
        async def end() -> None:
            for account in self.accounts.values():
                account.end_poll()
            await asyncio.sleep(0.01)  # so that polls whose asker is gone are over, too
            for task in self._deliveries.values():
                task.cancel()
            await asyncio.gather(*self._deliveries.values(), return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        super().__exit__()

    def deliver(self, account: Account) -> None:
        """Telegram begins to call the bot's webhook; runs in the server's own loop."""
        task = self._deliveries.get(account.token)
        if account.webhook.url and account.updates and (task is None or task.done()):
            self._deliveries[account.token] = self._loop.create_task(self._deliver(account))

    def _run(self, do: Callable[[], None]) -> None:
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(do)

    def _woken(self, account: Account) -> None:
        account.arrived.set()
        self.deliver(account)

    async def _call(self, request: web.Request) -> web.StreamResponse:
        token, method = request.match_info["token"], request.match_info["method"]
        call = Call(method=method, token=token, data=await _parameters(request), at=time.time())
        self.calls.append(call)
        fault = self._fault(call)
        try:
            self._refuse(call, fault)
            result = await METHODS[method](self, self.accounts[token], call.data)
            status, told = 200, {"ok": True, "result": result}
        except Refused as error:
            status = error.status
            told = {"ok": False, "error_code": status, "description": error.description}
            told |= {"parameters": error.parameters} if error.parameters else {}
        call.status = status
        return await self._answer(request, status, told, fault)

    async def _answer(
        self, request: web.Request, status: int, told: dict[str, Any], fault: Fault | None
    ) -> web.StreamResponse:
        if fault and fault.hang:
            await asyncio.sleep(fault.hang)
        if fault and fault.cut and request.transport:
            request.transport.close()
        body = fault.body if fault and fault.body is not None else json.dumps(told).encode()
        headers = {"Date": self.date} if self.date else {}
        return web.Response(status=status, body=body, content_type="application/json", headers=headers)

    def _fault(self, call: Call) -> Fault | None:
        """The first that is due and fits."""
        for fault in self._script:
            if fault.method in ("", call.method):
                self._script.remove(fault)
                return fault
        return None

    def _refuse(self, call: Call, fault: Fault | None) -> None:
        """Raises Refused where the call is not even looked at."""
        if call.token not in self.accounts:
            raise Refused(401, "Unauthorized")
        if call.method not in METHODS:
            raise Refused(404, "Not Found")
        if call.method in SENDS:
            self._slow_down(call)
        if fault and fault.retry_after is not None:
            self._flood(call, fault.retry_after)
        if fault and fault.status:
            raise Refused(fault.status, fault.description)

    def _slow_down(self, call: Call) -> None:
        chat = call.data.get("chat_id", 0)
        left = self._closed_until.get((call.token, chat), 0.0) - call.at
        if left > 0:
            self.early.append(call)
            raise Refused(429, f"Too Many Requests: retry after {int(left) + 1}", retry_after=int(left) + 1)
        if self._random.random() < self.flood_share or (self.rates and self._too_many(call, chat)):
            self._flood(call, self.flood_seconds)

    def _too_many(self, call: Call, chat: int) -> bool:
        """More than 20 a minute in a group, or more than a few a second in a private chat."""
        span, most = (60.0, 20) if chat < 0 else (3.0, 3)
        recent = [
            one for one in reversed(self.calls[-2_000:])
            if one.at > call.at - span and one.status == 200 and one.method in SENDS and one.token == call.token
            and one.data.get("chat_id") == chat
        ]  # fmt: skip
        return len(recent) >= most

    def _flood(self, call: Call, seconds: int) -> None:
        self._closed_until[call.token, call.data.get("chat_id", 0)] = call.at + seconds
        raise Refused(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)

    async def _deliver(self, account: Account) -> None:
        """The updates that wait, one after the other, each again until it is taken."""
        pause = self.redeliver
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http:
            while account.webhook.url and account.updates:
                update = account.updates[0]
                error = await _post(http, account, update)
                if not error:
                    if update in account.updates:
                        account.updates.remove(update)
                    pause = self.redeliver
                    continue
                account.webhook.error, account.webhook.error_at = error, int(time.time())
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5)


async def _post(http: aiohttp.ClientSession, account: Account, update: dict[str, Any]) -> str:
    """What went wrong; "" when it was taken."""
    secret = account.webhook.secret
    headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret else {}
    try:
        async with http.post(account.webhook.url, json=update, headers=headers) as answer:
            return (
                "" if answer.status // 100 == 2 else f"Wrong response from the webhook: {answer.status} {answer.reason}"
            )
    except (aiohttp.ClientError, OSError, TimeoutError):
        return "Connection refused"


async def _parameters(request: web.Request) -> dict[str, Any]:
    """As form data with JSON in it, or as JSON."""
    if request.content_type == "application/json":
        told: dict[str, Any] = await request.json()
        return told
    fields: dict[str, Any] = {**request.query, **(await request.post())}
    return {name: json.loads(value) if name in JSON else value for name, value in fields.items()}


__all__ = ["TOKEN", "Account", "Call", "Fault", "Sent", "TelegramServer"]
