import bots.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    """Listeners live as long as a gateway's heartbeat: the table is made anew, and filled within seconds."""

    dependencies = [
        ('channels_integrations', '0003_gateways'),
    ]

    operations = [
        migrations.AddField(
            model_name='channelconfig',
            name='shards',
            field=models.PositiveSmallIntegerField(db_default=1, default=1, editable=False, verbose_name='connections'),
        ),
        migrations.DeleteModel(name='Listener'),
        migrations.CreateModel(
            name='Listener',
            fields=[
                ('id', bots.fields.IdField(default=bots.fields.new_id, editable=False, primary_key=True, serialize=False)),
                ('shard', models.PositiveSmallIntegerField(db_default=0, default=0)),
                ('state', models.CharField(choices=[('starting', 'is connecting'), ('listening', 'is connected'), ('waiting', 'tries again soon')], default='starting', max_length=10)),
                ('since', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('channel', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='listeners', to='channels_integrations.channelconfig')),
                ('gateway', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='listeners', to='channels_integrations.gateway')),
            ],
        ),
        migrations.AddConstraint(
            model_name='listener',
            constraint=models.UniqueConstraint(fields=('channel', 'shard'), name='one_listener_a_shard'),
        ),
    ]
