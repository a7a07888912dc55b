"""Discord, over its gateway: one connection a bot, answers over REST. See README.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from channels_integrations.base import (
    Account,
    BadSignature,
    Capabilities,
    ChannelError,
    DiagnosableAdapter,
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
from channels_integrations.platforms.discord import application, commands, events, findings, messages
from channels_integrations.platforms.discord.config import Config
from channels_integrations.platforms.discord.rest import Rest
from channels_integrations.rendering import marks
from channels_integrations.rendering.rich import Rich, rich
from channels_integrations.rendering.split import split

A_DAY = 24 * 3600


@adapter
class Discord(EditableAdapter, TypingAdapter, PressableAdapter, GatewayAdapter, DiagnosableAdapter):
    kind = "discord"
    label = "Discord"
    Config = Config
    capabilities = Capabilities(
        max_length=marks.LONGEST,
        buttons=True,
        resend="keyed",
        live="edit",
        live_every=1.0,
        typing_every=8,
        account_rate="50/second",
        chat_rate="5/5 second",
        keep_trying=A_DAY,
    )

    def identity(self) -> str:
        """The bot's id."""
        return self._rest.bot

    def parts(self, text: str) -> list[Rich]:
        return split(rich(text), marks.over())

    async def send(self, message: OutboundMessage) -> str:
        return await messages.send(self._rest, message)

    async def place(self, message: OutboundMessage) -> str:
        return await messages.send(self._rest, messages.placeholder(message))

    async def edit(self, message_id: str, message: OutboundMessage) -> None:
        await messages.edit(self._rest, message_id, message)

    async def typing(self, chat_id: str) -> None:
        await self._rest.ask("POST", f"/channels/{chat_id}/typing")

    async def acknowledge(self, event: Pressed) -> None:
        """Nothing: `listen` has told Discord that the press was noticed, which had to happen within 3 seconds."""

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        raise BadSignature("Discord does not call us: its gateway is listened to")

    def parse(self, body: bytes) -> list[InboundEvent | Unreadable]:
        return [*events.read(body, self.config, account=self.account)]

    async def connect(self, place: Place) -> Account:
        """Also registers the commands. Raises ChannelError."""
        account = await application.account(self._rest)
        found = await application.application(self._rest)
        if not found.reads_messages:
            fault = application.no_text(found.id)
            raise ChannelError("the bot may not read messages", permanent=False, fault=fault)
        await commands.register(self._rest, found.id, place.commands)
        return account

    async def listen(self, place: Place, handle: Handle, ready: Callable[[Account], None]) -> None:
        from channels_integrations.platforms.discord.hearing import Hearing  # the SDK: half a second, for gateways only

        hearing = Hearing(self._rest, place, handle, ready=ready, parse=self.parse)
        await hearing.listen(self.config.token.get_secret_value())

    async def diagnose(self, place: Place) -> list[Finding]:
        return await findings.of(self._rest, place)

    @property
    def _rest(self) -> Rest:
        return Rest(self.config.token.get_secret_value())
