from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from bots.models import ApiKey, Bot, Workspace
from bots.models.workspace import SCOPES


class Command(BaseCommand):
    help = "Make an API key and print it once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--scopes", default="chat,read", help=f"of {', '.join(SCOPES)}")
        parser.add_argument("--bot", action="append", default=[], help="a bot's slug; none: all bots of the workspace")

    def handle(self, *args: Any, **options: Any) -> None:
        scopes = [scope.strip() for scope in options["scopes"].split(",") if scope.strip()]
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not scopes:
            raise CommandError(f"--scopes takes {', '.join(SCOPES)}, not {', '.join(unknown) or 'nothing'}")
        bots = list(Bot.objects.filter(slug__in=options["bot"]))
        missing = sorted(set(options["bot"]) - {bot.slug for bot in bots})
        if missing:
            raise CommandError(f"there is no bot {missing[0]!r}")
        workspace = bots[0].workspace if bots else Workspace.default()
        _key, text = ApiKey.issue(workspace=workspace, name=options["name"][:100], scopes=scopes, bots=bots)
        self.stdout.write(text)
