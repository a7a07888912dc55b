import bots.models.workspace
from django.db import migrations, models
from django.db.models import Value


class Migration(migrations.Migration):

    dependencies = [
        ('bots', '0003_botpicture'),
    ]

    operations = [
        migrations.AddField(
            model_name='apikey',
            name='allowed_origins',
            field=models.JSONField(blank=True, db_default=Value([], models.JSONField()), default=list, help_text='Pages that may use it from a browser. Programs always may.', validators=[bots.models.workspace.check_origins]),
        ),
    ]
