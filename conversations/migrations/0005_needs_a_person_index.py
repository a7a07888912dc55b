from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class AddIndexGently(AddIndexConcurrently):
    """Without a lock on PostgreSQL, where a table may be large and in use; as ever on SQLite, which knows no other way."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == 'postgresql':
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        else:
            migrations.AddIndex.database_forwards(self, app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == 'postgresql':
            super().database_backwards(app_label, schema_editor, from_state, to_state)
        else:
            migrations.AddIndex.database_backwards(self, app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):

    atomic = False
    dependencies = [('conversations', '0004_needs_a_person')]

    operations = [
        AddIndexGently(
            model_name='conversation',
            index=models.Index(condition=models.Q(('owner__in', ('waiting', 'human'))), fields=['waiting_since'], name='needs_a_person'),
        ),
    ]
