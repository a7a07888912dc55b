from importlib import import_module

from django.db import migrations, models

AddIndexGently = import_module('conversations.migrations.0005_needs_a_person_index').AddIndexGently


class Migration(migrations.Migration):

    atomic = False
    dependencies = [('conversations', '0009_fill_modelcall')]

    operations = [
        AddIndexGently(
            model_name='modelcall',
            index=models.Index(fields=['created_at'], include=['bot', 'channel', 'conversation', 'model', 'model_name', 'is_test', 'input_tokens', 'cached_tokens', 'output_tokens', 'cost_nanodollars', 'id'], name='model_call_report'),
        ),
    ]
