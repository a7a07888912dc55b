"""A channel's account, tried at its platform: who we are there, and what is wrong. Waits for the network."""

from __future__ import annotations

import asyncio
import uuid

from asgiref.sync import async_to_sync

from bots.remember import forget
from channels_integrations.base import (
    Account,
    ChannelError,
    ConnectingAdapter,
    DiagnosableAdapter,
    Finding,
    GatewayAdapter,
    Place,
)
from channels_integrations.models import ChannelConfig
from channels_integrations.places import place_of
from channels_integrations.setup import Misconfigured, adapter_of

PATIENCE = 10.0  # seconds that whoever saved a form waits
MORE_PATIENCE = 30.0  # and whoever asked what is wrong


def connect(channel: ChannelConfig) -> Account | str:
    """Who we are there, with the webhook set where one is used; else what is wrong, in a sentence for staff.

    Both are remembered on the channel. "" when the platform has no accounts to try.
    """
    try:
        adapter = adapter_of(channel.pk)
    except Misconfigured as error:
        return f"It is not set up yet. {error}"
    if not isinstance(adapter, ConnectingAdapter):
        return ""
    try:
        account = async_to_sync(_connected)(adapter, place_of(channel.pk, channel.kind))
    except ChannelError as error:
        fault = error.fault or str(error)
        _remember(channel, account=channel.account, fault=error.fault)
        return fault
    except TimeoutError:
        _remember(channel, account=channel.account, fault="")  # what was wrong before this need not be any more
        return "The platform did not answer in time. It is tried again in the background."
    _remember(channel, account=account.name, fault="")
    return account


def is_heard(channel_id: uuid.UUID, kind: str) -> bool:
    """Whether its platform calls us, so that messages come though nobody listens."""
    try:
        adapter = adapter_of(channel_id)
    except Misconfigured:
        return False
    return isinstance(adapter, GatewayAdapter) and adapter.is_called(place_of(channel_id, kind))


def diagnose(channel: ChannelConfig) -> list[Finding]:
    """What was looked at on this channel, and what to mend."""
    try:
        adapter = adapter_of(channel.pk)
    except Misconfigured as error:
        told = "Open the channel in the admin and fill it in."
        return [Finding(check="settings", ok=False, message=str(error), mend=told)]
    if not isinstance(adapter, DiagnosableAdapter):
        return [Finding(check="settings", ok=True, message="There is nothing more to look at on this platform.")]
    try:
        return async_to_sync(_diagnosed)(adapter, place_of(channel.pk, channel.kind))
    except TimeoutError:
        told = "See whether this machine reaches the internet, and whether a proxy is needed."
        return [Finding(check="platform", ok=False, message="It did not answer in time.", mend=told)]


async def _connected(adapter: ConnectingAdapter, place: Place) -> Account:
    async with asyncio.timeout(PATIENCE):
        return await adapter.connect(place)


async def _diagnosed(adapter: DiagnosableAdapter, place: Place) -> list[Finding]:
    async with asyncio.timeout(MORE_PATIENCE):
        return await adapter.diagnose(place)


def _remember(channel: ChannelConfig, *, account: str, fault: str) -> None:
    ChannelConfig.objects.filter(pk=channel.pk).update(account=account[:200], fault=fault[:300])
    forget()
