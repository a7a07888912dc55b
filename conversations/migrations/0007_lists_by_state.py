from importlib import import_module

from django.db import migrations, models

AddIndexGently = import_module('conversations.migrations.0005_needs_a_person_index').AddIndexGently


class Migration(migrations.Migration):

    atomic = False
    dependencies = [('conversations', '0006_notes_and_blocking')]

    operations = [
        AddIndexGently(
            model_name='person',
            index=models.Index(condition=models.Q(('blocked_at__isnull', False)), fields=['id'], name='person_blocked'),
        ),
        AddIndexGently(
            model_name='turn',
            index=models.Index(condition=models.Q(('state__in', ('stopped', 'failed', 'dead'))), fields=['state', 'id'], name='turn_given_up'),
        ),
        AddIndexGently(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state__in', ('failed', 'expired', 'unknown'))), fields=['state', 'id'], name='delivery_given_up'),
        ),
    ]
