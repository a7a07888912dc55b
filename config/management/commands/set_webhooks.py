from typing import Any

from django.core.management.base import BaseCommand, CommandError

from channels_integrations import connecting
from channels_integrations.base import Account, ConnectingAdapter, adapters
from channels_integrations.models import ChannelConfig


class Command(BaseCommand):
    help = "Try every channel's account, and tell its platform our address where it calls us; a line each."

    def handle(self, *args: Any, **options: Any) -> None:
        kinds = [kind for kind, cls in adapters.items() if issubclass(cls, ConnectingAdapter)]
        rows = ChannelConfig.objects.filter(kind__in=kinds, is_active=True, archived_at=None).order_by("slug")
        failed = 0
        for channel in rows:
            found = connecting.connect(channel)
            good = isinstance(found, Account)
            failed += not good
            self.stdout.write(f"{'ok  ' if good else 'FAIL'}  {channel.slug}: {found.name if good else found}")  # type: ignore[union-attr]
        if failed:
            raise CommandError(f"{failed} of {len(rows)} channels could not be connected.", returncode=1)
