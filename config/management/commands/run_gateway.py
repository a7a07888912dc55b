import asyncio
import signal
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from bots import environment, threads
from bots.threads import in_thread
from config import collector, exposition, health, stores
from config.stores import StoreAway
from conversations import listeners
from conversations.gateway import Gateway
from conversations.runner import runner


class Command(BaseCommand):
    help = "Listen to Telegram, Discord and whatever else is listened to: all their channels, in one process."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kinds", nargs="*", metavar="platform", help="all of them where none is named")
        parser.add_argument(
            "--healthy", action="store_true", help="ask instead whether such a process of this machine is alive"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        known = listeners.kinds()
        kinds = options["kinds"] or known
        if unknown := [kind for kind in kinds if kind not in known]:
            raise CommandError(f"{unknown[0]!r} is no platform that is listened to. There are: {', '.join(known)}.")
        try:
            stores.reach_database()
            health.ask_migrations()
            if options["healthy"]:
                self._tell_health()
                return
            stores.ask_redis()
        except StoreAway as away:
            raise CommandError(str(away)) from None
        exposition.open_port()
        try:
            asyncio.run(self._run(kinds))
        finally:
            threads.shutdown()

    def _tell_health(self) -> None:
        if not listeners.alive_here():
            raise CommandError("No gateway of this machine is alive.")
        self.stdout.write("alive")

    async def _run(self, kinds: Sequence[str]) -> None:
        over = asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, over.set)
        await in_thread(environment.sync, retire=False)
        await runner.start()
        gateway = Gateway(kinds)
        await gateway.start()
        collector.settle()
        await over.wait()
        await gateway.stop()
        await runner.drain(settings.DRAIN_SECONDS)
