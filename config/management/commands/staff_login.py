from typing import Any

from django.core.management.base import BaseCommand

from config.first_run import new_login


class Command(BaseCommand):
    help = "Set a new password for the staff login `admin` and print it once."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"admin / {new_login()}")
