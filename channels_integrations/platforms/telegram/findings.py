"""What is wrong with a Telegram channel, and how to mend it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from telegram import User, WebhookInfo

from channels_integrations.base import ChannelError, Finding, Place
from channels_integrations.platforms.telegram import account
from channels_integrations.platforms.telegram.client import Client, post
from channels_integrations.platforms.telegram.config import Config
from channels_integrations.platforms.telegram.webhook import HEADER

RECENT = timedelta(hours=1)
MANY = 100  # messages that wait to be fetched
SKEW = 60  # seconds


async def diagnose(client: Client, config: Config, place: Place, *, secret: str) -> list[Finding]:
    """All that can be looked at. `secret`: "" where messages are asked for."""
    found: list[Finding] = []
    try:
        async for finding in _looked(client, config, place, secret):
            found.append(finding)  # noqa: PERF401  those before a failure are kept
    except ChannelError as error:
        mend = "Fill in the new one on the channel's page in the admin." if error.fault else REACH
        found.append(
            Finding(check="token" if not found else "telegram", ok=False, message=error.fault or str(error), mend=mend)
        )
    return found


REACH = "See whether this machine reaches TELEGRAM_API_BASE_URL (https://api.telegram.org), be it through a proxy."


async def _looked(client: Client, config: Config, place: Place, secret: str) -> AsyncIterator[Finding]:
    me = await client.call(lambda bot: bot.get_me())
    yield Finding(check="token", ok=True, message=f"It is {account.name_of(me)}.")
    info = await account.webhook_info(client)
    yield _address(info, config, place, bool(secret))
    if secret:
        yield _last_error(info)
        yield await _secret(place.webhook, secret)
    yield _pending(info)
    yield _privacy(me, config)
    yield _groups(me, config)
    yield _clock(await client.skew())


def _address(info: WebhookInfo, config: Config, place: Place, calls_us: bool) -> Finding:
    if config.updates == "webhook" and not place.webhook:
        return Finding(
            check="webhook", ok=False, message="This channel waits to be called, and has no address for that.",
            mend="Set PUBLIC_URL to an https address that Telegram reaches, or set the channel to polling.",
        )  # fmt: skip
    if calls_us and info.url != place.webhook:
        said = f"Telegram sends this bot's messages to {account.host(info.url) or 'nobody'}, not to {place.webhook}."
        return Finding(check="webhook", ok=False, message=said, mend="Save the channel again, which sets it.")
    if not calls_us and info.url:
        said = f"Telegram sends this bot's messages to {account.host(info.url)}, so they cannot be asked for."
        mend = "Start the gateway, which takes that address away; stop the program that set it."
        return Finding(check="webhook", ok=False, message=said, mend=mend)
    return Finding(check="webhook", ok=True, message=f"Telegram calls {info.url}." if calls_us else "We ask Telegram.")


def _last_error(info: WebhookInfo) -> Finding:
    if info.last_error_date is None:
        return Finding(check="webhook errors", ok=True, message="Telegram has had no trouble calling us.")
    age = datetime.now(UTC) - info.last_error_date.astimezone(UTC)
    said = f"{int(age.total_seconds() // 60)} minutes ago Telegram could not reach us: {info.last_error_message}"
    mend = "Open PUBLIC_URL from elsewhere: certificate, firewall, port (443, 80, 88 or 8443), proxy."
    return Finding(check="webhook errors", ok=age > RECENT, message=said, mend=mend)


async def _secret(url: str, secret: str) -> Finding:
    """As Telegram would call, with the right secret and with a wrong one."""
    try:
        right, wrong = [
            await post(url, body=b"{}", headers={"content-type": "application/json", HEADER: shown})
            for shown in (secret, "wrong")
        ]
    except OSError as error:
        said = f"Our own address {url} cannot be reached from here ({error})."
        mend = "No harm where Telegram reaches it: see the check before. Else look at DNS, certificate and proxy."
        return Finding(check="secret", ok=False, message=said, mend=mend)
    ok = right == 200 and wrong == 401
    said = f"Our door answers {right} to the right secret and {wrong} to a wrong one."
    mend = "200 and 401 are right. See that the proxy passes X-Telegram-Bot-Api-Secret-Token and the path unchanged."
    return Finding(check="secret", ok=ok, message=said, mend="" if ok else mend)


def _pending(info: WebhookInfo) -> Finding:
    waiting = info.pending_update_count
    mend = "Start the gateway, and see whether messages come in: Telegram keeps them for a day."
    return Finding(
        check="pending updates", ok=waiting < MANY, message=f"{waiting} messages wait at Telegram.",
        mend=mend if waiting >= MANY else "",
    )  # fmt: skip


def _privacy(me: User, config: Config) -> Finding:
    needed = config.in_groups == "all" or (config.in_groups == "addressed" and bool(config.prefix))
    if me.can_read_all_group_messages or not needed:
        seen = "every message" if me.can_read_all_group_messages else "what is addressed to it"
        return Finding(check="privacy mode", ok=True, message=f"In groups the bot is shown {seen}.")
    return Finding(
        check="privacy mode", ok=False,
        message="Telegram hides messages in groups from the bot that do not mention it or reply to it.",
        mend="In @BotFather: /setprivacy, Disable; then take the bot out of the group and add it again. Or make it an "
        "administrator there.",
    )  # fmt: skip


def _groups(me: User, config: Config) -> Finding:
    if me.can_join_groups or config.in_groups != "all":
        said = "The bot can be added to groups." if me.can_join_groups else "The bot cannot be added to groups."
        return Finding(check="groups", ok=True, message=said)
    said = "The bot is to answer in groups, and cannot be added to any."
    return Finding(check="groups", ok=False, message=said, mend="In @BotFather: /setjoingroups, Enable.")


def _clock(skew: float | None) -> Finding:
    if skew is None or abs(skew) < SKEW:
        return Finding(check="clock", ok=True, message="The clock is right." if skew is not None else "Not told.")
    said = f"This machine's clock is {abs(int(skew))} seconds {'behind' if skew > 0 else 'ahead of'} Telegram's."
    return Finding(check="clock", ok=False, message=said, mend="Switch on time synchronisation (NTP).")
