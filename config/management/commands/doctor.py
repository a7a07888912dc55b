import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.diagnosis import diagnose


class Command(BaseCommand):
    help = "Check settings, stores and providers; a line each, with what to do. Exit code 1 when something fails."
    requires_system_checks: list[str] = []  # they are among what is told

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help='a list of {"check", "ok", "message", "mend"}')

    def handle(self, *args: Any, **options: Any) -> None:
        findings = list(diagnose())
        if options["json"]:
            self.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=2))
        else:
            for finding in findings:
                mend = f"\n        {finding.mend}" if finding.mend else ""
                self.stdout.write(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.check}: {finding.message}{mend}")
        failed = sum(not finding.ok for finding in findings)
        if failed:
            raise CommandError(f"{failed} of {len(findings)} checks failed.", returncode=1)
