from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from conversations.undone import KINDS, dead, replay


class Command(BaseCommand):
    help = "Try again what was given up: raw events, turns, deliveries. A running process takes them within seconds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}; none: all of them")
        parser.add_argument("--id", action="append", help="only this row")
        parser.add_argument("--list", action="store_true", help="only show them, with their reasons")

    def handle(self, *args: Any, **options: Any) -> None:
        unknown = sorted(set(options["kinds"]) - set(KINDS))
        if unknown:
            raise CommandError(f"there is no kind {unknown[0]!r}; there are {', '.join(KINDS)}")
        for kind in options["kinds"] or KINDS:
            if options["list"]:
                self._list(kind)
            else:
                self.stdout.write(f"{replay(kind, options['id'])} {kind} will be tried again.")

    def _list(self, kind: str) -> None:
        for row in dead(kind)[:200]:
            self.stdout.write(f"{kind} {row.pk} {row.state}: {row.reason or 'no reason noted'}")
