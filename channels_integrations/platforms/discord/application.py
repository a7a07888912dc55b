"""Who we are on Discord, and what the application may do: what the developer portal says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from channels_integrations.base import Account
from channels_integrations.platforms.discord.rest import Rest

READS_MESSAGES = 1 << 18 | 1 << 19  # of an application's flags: approved, or fewer than 100 servers
PORTAL = "https://discord.com/developers/applications"
VIEW, WRITE, READ_BACK, WRITE_IN_THREADS = 1 << 10, 1 << 11, 1 << 16, 1 << 38
PERMISSIONS = VIEW | WRITE | READ_BACK | WRITE_IN_THREADS


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """What belongs to the bot's account. `endpoint`: where else Discord sends its interactions; "" for nowhere."""

    id: str
    reads_messages: bool
    endpoint: str = ""


def account_of(user: Mapping[str, Any]) -> Account:
    """As people see it: "Hal#1234"; "@hal" where names have no number any more."""
    name, number = str(user.get("username") or ""), str(user.get("discriminator") or "0")
    return Account(f"@{name}" if set(number) == {"0"} else f"{name}#{number}")


async def account(rest: Rest) -> Account:
    """Who we are. Raises ChannelError."""
    found = await rest.get("/users/@me")
    return account_of(found if isinstance(found, dict) else {})


async def application(rest: Rest) -> Application:
    """The application. Raises ChannelError."""
    found = await rest.get("/applications/@me")
    told = found if isinstance(found, dict) else {}
    flags = told.get("flags")
    return Application(
        id=str(told.get("id") or rest.bot),
        reads_messages=bool(flags & READS_MESSAGES) if isinstance(flags, int) else True,
        endpoint=str(told.get("interactions_endpoint_url") or ""),
    )


def no_text(application_id: str) -> str:
    """What staff must do when the bot does not get to read."""
    return (
        "Discord does not give this bot the messages' text: switch on Message Content Intent under Privileged Gateway "
        f"Intents at {PORTAL}/{application_id}/bot and save."
    )


def invitation(application_id: str) -> str:
    """The link by which a server's owner lets the bot in, with the rights that it needs."""
    return (
        f"https://discord.com/oauth2/authorize?client_id={application_id}&permissions={PERMISSIONS}"
        "&scope=bot+applications.commands"
    )
