from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config import exposition, health, stores
from config.stores import StoreAway


class Command(BaseCommand):
    help = "A worker: reads webhooks' events, answers, sends. As many as you like, on as many machines."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--beat", action="store_true", help="the clock instead: one of it, for what is done once a day"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.CELERY_BROKER_URL:
            raise CommandError("CELERY_BROKER_URL is not set: without a broker the web process does all this itself.")
        try:
            stores.reach_database()
            health.ask_migrations()
            stores.ask_redis()
            stores.ask_broker()
        except StoreAway as away:
            raise CommandError(str(away)) from None
        from config.celery import app

        if options["beat"]:
            app.start(["beat", "--pidfile="])
        exposition.open_port()
        app.start(["worker", "--pool=threads", "--concurrency=4", "--without-gossip", "--without-mingle"])
