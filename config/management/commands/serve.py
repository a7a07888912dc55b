from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from config import exposition, first_run, health, stores
from config.stores import StoreAway


class Command(BaseCommand):
    help = "Serve everything in one process: pages, sockets, API, sweeper. --prepare makes a fresh clone ready first."
    requires_system_checks: list[str] = []  # run below, after the settings file is written

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--prepare", action="store_true", help="write .env, migrate, make the demo bot and a login")
        parser.add_argument("--migrate", action="store_true", help="migrate first")
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=settings.PORT)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["prepare"]:
            first_run.write_env_file()
        self._ask(stores.reach_database)
        self._ask(stores.ask_redis)
        self.check(display_num_errors=True)
        if options["migrate"]:
            call_command("migrate", verbosity=0)
        elif not options["prepare"]:
            self._ask(health.ask_migrations)
        if options["prepare"]:
            self._welcome(first_run.prepare(), options["port"])
        exposition.open_port()
        self._serve(options["host"], options["port"])

    def _ask(self, question: Callable[[], None]) -> None:
        try:
            question()
        except StoreAway as away:
            raise CommandError(str(away)) from None

    def _welcome(self, password: str, port: int) -> None:
        address = f"http://127.0.0.1:{port}"
        self.stdout.write(f"\n  Switchboard      {address}/")
        self.stdout.write(f"  Talk to the bot  {address}/chat/demo/")
        self.stdout.write(f"  Admin            {address}/admin/")
        if password:
            self.stdout.write(f"  Staff login      admin / {password}   (shown once; `make admin` sets a new one)")
        self.stdout.write("  Ctrl-C stops it.\n")
        self.stdout.flush()

    def _serve(self, host: str, port: int) -> None:
        from config.server import server

        try:
            server(host, port).run()
        except KeyboardInterrupt:
            return
        except SystemExit:
            raise CommandError(f"Cannot listen on {host}:{port}: is it in use? PORT chooses another.") from None
