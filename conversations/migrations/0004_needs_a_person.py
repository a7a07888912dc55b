import bots.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('bots', '0003_botpicture'),
        ('conversations', '0003_conversation_erased_at'),
    ]

    operations = [
        migrations.CreateModel(
            name='CannedAnswer',
            fields=[
                ('id', bots.fields.IdField(default=bots.fields.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=100)),
                ('text', models.TextField(max_length=4000)),
                ('workspace', models.ForeignKey(on_delete=models.deletion.CASCADE, related_name='canned_answers', to='bots.workspace')),
            ],
            options={
                'verbose_name': 'canned answer',
                'ordering': ['name'],
            },
        ),
        migrations.AddField(
            model_name='conversation',
            name='reminded_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='conversation',
            name='waiting_since',
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
