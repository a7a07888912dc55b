"""Room on each page for the updates that every turn makes (PostgreSQL: HOT updates)."""

from django.db import migrations


def leave_room(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE conversations_conversation SET (fillfactor = 70)")
        schema_editor.execute("ALTER TABLE conversations_turn SET (fillfactor = 70)")


class Migration(migrations.Migration):
    dependencies = [("conversations", "0001_initial")]
    operations = [migrations.RunPython(leave_room, migrations.RunPython.noop)]
