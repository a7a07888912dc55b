"""The one workspace every installation begins with."""

import uuid

from django.db import migrations


def make(apps, schema_editor):
    apps.get_model("bots", "Workspace").objects.get_or_create(pk=uuid.UUID(int=1), defaults={"name": "Default"})


class Migration(migrations.Migration):
    dependencies = [("bots", "0001_initial")]
    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
