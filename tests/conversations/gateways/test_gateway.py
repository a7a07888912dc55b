"""Who listens to what: one process a channel, and another one when that stops, hangs or is told to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from bots.threads import in_thread
from channels_integrations.admin.listening import listening as listening_in_words
from channels_integrations.models import ChannelConfig, FeatureFlag, Listener
from channels_integrations.models import Gateway as Row
from channels_integrations.setup import Setup
from conversations import listeners
from conversations.gateway import Gateway
from tests.conversations.conftest import until, until_stored
from tests.conversations.gateways.conftest import listening, open_channel
from tests.fakes.telegram_server import Fault, TelegramServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.embedded]
GROUP = -1001


async def opened(demo: Setup, telegram: TelegramServer, count: int = 1) -> list[ChannelConfig]:
    """So many channels, each of a bot of its own."""
    more = [telegram.add(f"{n}:another-token-of-letters", f"bot{n}") for n in range(1, count)]
    tokens = [bot.token for bot in (telegram.bot, *more)]
    return await in_thread(
        lambda: [open_channel(demo, "telegram", token, slug=f"t{n}") for n, token in enumerate(tokens)]
    )


def holders() -> dict[object, object]:
    return dict(Listener.objects.values_list("channel", "gateway"))


async def test_of_two_processes_one_listens_and_the_other_when_it_ends(demo: Setup, telegram: TelegramServer) -> None:
    rows = await opened(demo, telegram, 3)
    first, second = Gateway(["telegram"]), Gateway(["telegram"])
    await first._look()
    await second._look()
    assert (len(first._heard), len(second._heard)) == (3, 0)
    await first.stop()
    await second._look()
    assert set(second._heard) == {(row.pk, 0) for row in rows}
    await second.stop()
    assert set((await in_thread(holders)).values()) == {None}


async def test_a_process_without_a_heartbeat_loses_its_channels_and_takes_nothing_back(
    demo: Setup, telegram: TelegramServer
) -> None:
    await opened(demo, telegram, 2)
    first, second = Gateway(["telegram"]), Gateway(["telegram"])
    await first._look()
    long_ago = timezone.now() - timedelta(minutes=5)
    await in_thread(lambda: Row.objects.update(beat_at=long_ago))
    await second._look()
    assert len(second._heard) == 2
    await first._look()  # it wakes
    assert not first._heard
    assert set((await in_thread(holders)).values()) == {second._row.pk if second._row else None}
    await first.stop()
    await second.stop()


async def test_what_is_changed_is_listened_to_anew_and_what_is_switched_off_no_more(
    demo: Setup, telegram: TelegramServer
) -> None:
    (row,) = await opened(demo, telegram)
    async with listening() as gateway:
        await until(lambda: bool(telegram.bot.commands))
        place = {"workspace_id": demo.workspace_id, "channel_id": row.pk}
        await in_thread(
            lambda: FeatureFlag.objects.create(**place, name="enable_slash_commands", kind="bool", value="false")
        )
        await until(lambda: not telegram.bot.commands)
        await in_thread(lambda: ChannelConfig.objects.filter(pk=row.pk).update(is_active=False))
        await until(lambda: not gateway._heard)
    assert set((await in_thread(holders)).values()) == {None}


async def test_who_is_mentioned_is_known_before_the_first_message_is_read(
    demo: Setup, telegram: TelegramServer
) -> None:
    await opened(demo, telegram)
    telegram.bot.say("@hal_bot what is 6 * 7?", group=GROUP)
    async with listening():
        await until(lambda: any("42" in text for text in telegram.bot.texts()))


async def test_one_that_cannot_start_holds_up_no_other(demo: Setup, telegram: TelegramServer) -> None:
    rows = await opened(demo, telegram, 2)
    telegram.revoke(telegram.bot)
    async with listening():
        await until_stored(lambda: Listener.objects.filter(channel=rows[1], state="listening").exists())
        await until_stored(lambda: bool(ChannelConfig.objects.get(pk=rows[0].pk).fault))
        assert await in_thread(listeners.unheard) == []


async def test_an_outage_of_the_platform_is_outlived_and_a_fault_that_is_mended_is_forgotten(
    demo: Setup, telegram: TelegramServer
) -> None:
    (row,) = await opened(demo, telegram)
    await in_thread(lambda: ChannelConfig.objects.filter(pk=row.pk).update(fault="An old one."))
    telegram.script(*[Fault(status=502, description="Bad Gateway")] * 2)
    async with listening():
        await until_stored(lambda: not ChannelConfig.objects.get(pk=row.pk).fault)
        telegram.bot.say("what is 6 * 7?")
        await until(lambda: any("42" in text for text in telegram.bot.texts()))


async def test_a_channel_that_nobody_listens_to_is_named(demo: Setup, telegram: TelegramServer) -> None:
    await opened(demo, telegram)
    assert await in_thread(listeners.unheard) == ["telegram"]
    assert not await in_thread(listeners.alive_here)


async def test_a_channel_that_is_called_is_heard_without_anybody_listening(
    demo: Setup, telegram: TelegramServer, settings: Any
) -> None:
    settings.PUBLIC_URL = "https://chat.example.org"
    (row,) = await opened(demo, telegram)
    assert await in_thread(listeners.unheard) == []
    await in_thread(lambda: ChannelConfig.objects.filter(pk=row.pk).update(account="@hal_bot"))
    row = await in_thread(lambda: ChannelConfig.objects.prefetch_related("listeners__gateway").get(pk=row.pk))
    assert await in_thread(listening_in_words, row) == "On, as @hal_bot."
