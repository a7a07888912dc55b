"""Telegram bots: https://core.telegram.org/bots/api. What comes in is read without the SDK; calls load it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from channels_integrations.base import (
    Account,
    Capabilities,
    ChannelError,
    DiagnosableAdapter,
    DraftingAdapter,
    EditableAdapter,
    Finding,
    GatewayAdapter,
    Handle,
    InboundEvent,
    OutboundMessage,
    Place,
    PressableAdapter,
    Pressed,
    TypingAdapter,
    Unreadable,
    adapter,
)
from channels_integrations.platforms.telegram import config, events, webhook
from channels_integrations.platforms.telegram.addressing import Us
from channels_integrations.rendering import entities
from channels_integrations.rendering.rich import Rich, rich
from channels_integrations.rendering.split import split

if TYPE_CHECKING:
    from channels_integrations.platforms.telegram.client import Client

LOOK_SECONDS = 600.0  # between looks at a webhook's address
WAITS = (2, 5, 15, 30, 60, 120, *[300] * 6, *[1_800] * 4, *[3_600] * 22)
PRIVATE = Capabilities(
    max_length=entities.LONGEST,
    buttons=True,
    live="draft",
    live_every=1.0,
    account_rate="30/second",
    chat_rate="1/second",
    waits=WAITS,
    keep_trying=24 * 3600,
)
GROUP = replace(PRIVATE, resend="edit", live="edit", live_every=3.0, live_growth=1.5, chat_rate="20/minute")


@adapter
class Telegram(DraftingAdapter, EditableAdapter, TypingAdapter, PressableAdapter, GatewayAdapter, DiagnosableAdapter):
    kind = "telegram"
    label = "Telegram"
    Config = config.Config
    capabilities = PRIVATE

    def identity(self) -> str:
        return self._token.partition(":")[0]

    def is_called(self, place: Place) -> bool:
        return bool(self._secret(place))

    def able(self, chat_id: str) -> Capabilities:
        chat = chat_id.partition("/")[0]  # Telegram counts a group's topics together
        if chat.startswith("-"):
            return replace(GROUP, counted_as=chat)
        return replace(PRIVATE, resend=self.config.resend, counted_as=chat)

    def parts(self, text: str) -> list[Rich]:
        return split(rich(text), entities.over())

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        webhook.check(self._token, headers)

    def parse(self, body: bytes) -> list[InboundEvent | Unreadable]:
        us = Us(id=int(self._token.partition(":")[0]), name=self.account, prefix=self.config.prefix)
        return events.read(body, self.config, us)

    def concerns_us(self, body: bytes) -> bool:
        """Without privacy mode a bot is told all that is said in its groups. Before its name is known, all counts."""
        try:
            return not self.account or any(map(events.for_us, self.parse(body)))
        except ValueError:  # kept, for staff to look at
            return True

    async def send(self, message: OutboundMessage) -> str:
        from channels_integrations.platforms.telegram import sending

        return await sending.send(self._client, message)

    async def place(self, message: OutboundMessage) -> str:
        return await self.send(message)

    async def edit(self, message_id: str, message: OutboundMessage) -> None:
        from channels_integrations.platforms.telegram import sending

        await sending.edit(self._client, message_id, message)

    async def draft(self, draft_id: int, message: OutboundMessage) -> None:
        from channels_integrations.platforms.telegram import sending

        await sending.draft(self._client, draft_id, message)

    async def typing(self, chat_id: str) -> None:
        from channels_integrations.platforms.telegram import sending

        await sending.typing(self._client, chat_id)

    async def acknowledge(self, event: Pressed) -> None:
        from channels_integrations.platforms.telegram import sending

        await sending.acknowledge(self._client, event)

    async def connect(self, place: Place) -> Account:
        from channels_integrations.platforms.telegram import account

        if self.config.updates == "webhook" and not place.webhook:
            fault = "Telegram is to call this channel, and PUBLIC_URL is no https address. Set it, or choose polling."
            raise ChannelError("no address for a webhook", permanent=False, fault=fault)
        found = await account.connect(self._client, place, secret=self._secret(place))
        self.account = found.name
        return found

    async def listen(self, place: Place, handle: Handle, ready: Callable[[Account], None]) -> None:
        from channels_integrations.platforms.telegram import account, polling

        ready(await self.connect(place))
        if not self._secret(place):
            await polling.poll(self._client, handle, self.concerns_us)
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if (await account.webhook_info(self._client)).url != place.webhook:
                await self.connect(place)
            ready(Account(self.account))  # also after a fault that was none

    async def diagnose(self, place: Place) -> list[Finding]:
        from channels_integrations.platforms.telegram import findings

        return await findings.diagnose(self._client, self.config, place, secret=self._secret(place))

    def _secret(self, place: Place) -> str:
        """What Telegram shows at our door; "" where we ask it for messages."""
        return webhook.secret_of(self._token) if place.webhook and self.config.updates != "polling" else ""

    @property
    def _client(self) -> Client:
        from channels_integrations.platforms.telegram.client import Client

        return Client(self._token)

    @property
    def _token(self) -> str:
        return str(self.config.token.get_secret_value())
