"""The bot's account: who it is, its menu of commands, and where its messages go."""

from __future__ import annotations

import re
from asyncio import gather

import structlog
from telegram import User, WebhookInfo

from channels_integrations.base import Account, ChannelError, Place
from channels_integrations.platforms.telegram.client import Client
from channels_integrations.platforms.telegram.refusals import says
from channels_integrations.platforms.telegram.updates import KINDS

log = structlog.get_logger(__name__)
MOST_COMMANDS = 100
LONGEST_HELP = 256
CONNECTIONS = 40  # that Telegram may have open to us at once, for one bot
NAME = re.compile(r"[a-z0-9_]{1,32}", re.ASCII)


async def connect(client: Client, place: Place, *, secret: str) -> Account:
    """Who we are. The menu is as `place` says, and so is the way that messages come in. Raises ChannelError.

    `secret`: what Telegram shows at our door; "" where we ask for messages instead.
    """
    me = await client.call(lambda bot: bot.get_me())
    await gather(_menu(client, place), set_webhook(client, place.webhook, secret) if secret else _unset(client))
    return Account(name_of(me))


async def set_webhook(client: Client, url: str, secret: str) -> None:
    """Told and read back; always, since Telegram does not tell which secret it has. Raises ChannelError."""
    try:
        await client.call(
            lambda bot: bot.set_webhook(
                url, secret_token=secret, allowed_updates=KINDS, max_connections=CONNECTIONS, drop_pending_updates=False
            )
        )
    except ChannelError as error:
        if not error.permanent:
            raise
        fault = f"Telegram does not take our address {url} for its messages: {error}"
        raise ChannelError(str(error), permanent=False, fault=fault) from None
    info = await webhook_info(client)
    if info.url != url:
        fault = (
            f"Telegram was told to send this bot's messages to {url}, and a moment later it says "
            f"{host(info.url) or 'that it has no address'}. Another program uses the same token."
        )
        raise ChannelError("the webhook is not ours", permanent=False, fault=fault)


async def webhook_info(client: Client) -> WebhookInfo:
    """Where the bot's messages go, and what went wrong there. Raises ChannelError."""
    return await client.call(lambda bot: bot.get_webhook_info())


def name_of(user: User) -> str:
    """As people call it: "@hal_bot"."""
    return f"@{user.username}" if user.username else user.first_name


def host(url: str) -> str:
    """Of another program's address no more than this is ours to tell."""
    found = re.match(r"[a-z]+://([^/?#@]+@)?([^/?#]+)", url)
    return found[2] if found else ""


async def _unset(client: Client) -> None:
    await client.call(lambda bot: bot.delete_webhook(drop_pending_updates=False))


async def _menu(client: Client, place: Place) -> None:
    """Set where it is not so yet: Telegram is slow to take it often. That it refuses is no reason not to listen."""
    wanted = [(command.name, command.help[:LONGEST_HELP]) for command in place.commands if NAME.fullmatch(command.name)]
    wanted = wanted[:MOST_COMMANDS]
    try:
        known = await client.call(lambda bot: bot.get_my_commands())
        if [(command.command, command.description) for command in known] == wanted:
            return
        if wanted:
            await client.call(lambda bot: bot.set_my_commands(wanted))
        else:
            await client.call(lambda bot: bot.delete_my_commands())
    except ChannelError as error:
        if error.fault or not (error.permanent or says(str(error), ("flood", "too many requests"))):
            raise
        log.warning("telegram_menu_refused", channel=place.channel_id, reason=str(error))
