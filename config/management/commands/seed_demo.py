from typing import Any

from django.core.management.base import BaseCommand

from bots import environment
from conversations.seed import seed_demo


class Command(BaseCommand):
    help = "Make the demo models, and the demo bot with its web chat where there is no bot yet."

    def handle(self, *args: Any, **options: Any) -> None:
        environment.sync(retire=False)
        self.stdout.write("The demo bot is ready." if seed_demo() else "There are bots already; nothing was made.")
