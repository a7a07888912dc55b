import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('bots', '0004_apikey_allowed_origins'),
        ('channels_integrations', '0001_initial'),
        ('conversations', '0007_lists_by_state'),
    ]

    operations = [
        migrations.AddField(
            model_name='modelcall',
            name='conversation',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='conversations.conversation'),
        ),
        migrations.AddField(
            model_name='modelcall',
            name='bot',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='bots.bot'),
        ),
        migrations.AddField(
            model_name='modelcall',
            name='channel',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='channels_integrations.channelconfig'),
        ),
        migrations.AddField(
            model_name='modelcall',
            name='is_test',
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
