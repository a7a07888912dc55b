"""What the doctor says of a Discord channel."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from typing import TypeVar

from channels_integrations.base import ChannelError, Finding, Place
from channels_integrations.platforms.discord import application, commands, sessions
from channels_integrations.platforms.discord.application import Application
from channels_integrations.platforms.discord.rest import Rest

MOST_SKEW = 30.0  # seconds; a slash command is to be noticed within 3, and answered within 900
LATER = "Wait a moment and look again; is this machine allowed to call https://discord.com ?"

Look = Callable[[], Awaitable[Finding]]
Found = TypeVar("Found")


async def of(rest: Rest, place: Place) -> list[Finding]:
    """All findings; only the first where Discord does not know the token, or cannot be asked."""
    first = await _token(rest)
    if not first.ok:
        return [first]
    found = await _ask("application", lambda: application.application(rest))
    if isinstance(found, Finding):
        return [first, found]
    looks: list[tuple[str, Look]] = [
        ("servers", lambda: _servers(rest, found)),
        ("slash commands", lambda: _commands(rest, found, place)),
        ("sessions", lambda: _sessions(rest)),
        ("clock", lambda: _clock(rest)),
    ]
    return [first, _intents(found), _endpoint(found), *[await _ask(check, look) for check, look in looks]]


async def _ask(check: str, look: Callable[[], Awaitable[Found]]) -> Found | Finding:
    try:
        return await look()
    except ChannelError as error:
        return Finding(check=check, ok=False, message=str(error), mend=error.fault or LATER)


async def _token(rest: Rest) -> Finding:
    found = await _ask("token", lambda: application.account(rest))
    return found if isinstance(found, Finding) else Finding(check="token", ok=True, message=f"It is {found.name}'s.")


def _intents(found: Application) -> Finding:
    if found.reads_messages:
        return Finding(check="intents", ok=True, message="The bot gets to read what people write.")
    return Finding(
        check="intents", ok=False, message="The bot does not get to read what people write in servers.",
        mend=application.no_text(found.id),
    )  # fmt: skip


def _endpoint(found: Application) -> Finding:
    if not found.endpoint:
        return Finding(check="interactions", ok=True, message="Slash commands and buttons come to us.")
    return Finding(
        check="interactions", ok=False, message=f"Slash commands and buttons go to {found.endpoint}, not to us.",
        mend=f"Empty Interactions Endpoint URL at {application.PORTAL}/{found.id}/information and save.",
    )  # fmt: skip


async def _servers(rest: Rest, found: Application) -> Finding:
    guilds = await rest.get("/users/@me/guilds", limit="200")
    count = len(guilds) if isinstance(guilds, list) else 0
    if count:
        said = "200 servers or more" if count >= 200 else f"{count} server{'s' if count > 1 else ''}"
        return Finding(check="servers", ok=True, message=f"The bot is in {said}.")
    return Finding(
        check="servers", ok=False, message="The bot is in no server, so nobody can find it.",
        mend=f"Open this link and choose a server: {application.invitation(found.id)}",
    )  # fmt: skip


async def _commands(rest: Rest, found: Application, place: Place) -> Finding:
    theirs = await commands.registered(rest, found.id)
    if commands.same(theirs, commands.wanted(place.commands)):
        return Finding(check="slash commands", ok=True, message=f"{len(theirs)} are registered, as they should be.")
    return Finding(
        check="slash commands", ok=False, message=f"Discord has {len(theirs)}, we have {len(place.commands)}.",
        mend="They are registered when the gateway process connects: is it running? Or try the account again.",
    )  # fmt: skip


async def _sessions(rest: Rest) -> Finding:
    told = await sessions.limits(rest)
    if not told.are_few:
        count = "Enough" if told.left is None else told.left
        wants = f" Discord wants {told.shards} connections (shards), which are made." if told.shards > 1 else ""
        return Finding(check="sessions", ok=True, message=f"{count} new sessions are left.{wants}")
    return Finding(
        check="sessions", ok=False,
        message=f"Only {told.left} new sessions are left today; at 0 Discord resets the token. No other is begun.",
        mend="Something starts again and again, or another program uses this token: look at the gateway's log.",
    )  # fmt: skip


async def _clock(rest: Rest) -> Finding:
    answer = await rest.ask("GET", "/gateway")
    try:
        theirs = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except ValueError:
        return Finding(check="clock", ok=True, message="Discord does not say what time it has.")
    skew = time.time() - theirs
    if abs(skew) <= MOST_SKEW:
        return Finding(check="clock", ok=True, message="It is right.")
    return Finding(
        check="clock", ok=False, message=f"This machine's clock is {abs(skew):.0f} s {'fast' if skew > 0 else 'slow'}.",
        mend="Let the machine set its clock by the network (NTP).",
    )  # fmt: skip
