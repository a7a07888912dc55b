from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand
from django.db import models, transaction

from bots.fields import EncryptedField


class Command(BaseCommand):
    help = "Encrypt every stored credential anew with the first of FIELD_ENCRYPTION_KEYS."

    def handle(self, *args: Any, **options: Any) -> None:
        count = sum(self._rotate(model) for model in apps.get_models())
        self.stdout.write(f"{count} credentials are encrypted with the newest key.")

    def _rotate(self, model: type[models.Model]) -> int:
        count = 0
        for field in model._meta.fields:
            if not isinstance(field, EncryptedField):
                continue
            for pk in model._default_manager.filter(**{f"{field.name}__isnull": False}).values_list("pk", flat=True):
                with transaction.atomic():
                    row = model._default_manager.select_for_update(of=("self",)).get(pk=pk)
                    setattr(row, field.attname, getattr(row, field.attname))  # opened, so that saving seals it anew
                    row.save(update_fields=[field.name])
                    count += 1
        return count
