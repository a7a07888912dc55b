from django.db import migrations
from django.db.models import OuterRef, Subquery

BATCH = 5_000


def fill(apps, schema_editor):
    """Older calls, a batch at a time, each committed by itself; begun again after a stop, it fills what is left."""
    calls = apps.get_model('conversations', 'ModelCall').objects.order_by('pk')
    turns = apps.get_model('conversations', 'Turn').objects.filter(pk=OuterRef('turn'))
    conversations = apps.get_model('conversations', 'Conversation').objects
    tests = list(conversations.filter(metadata__test=True).values_list('pk', flat=True))
    said = {name: Subquery(turns.values(f'conversation__{name}')[:1]) for name in ('bot', 'channel')}
    ids = list(calls.values_list('pk', flat=True)[:BATCH])
    while ids:
        rows = calls.filter(pk__in=ids, conversation=None).order_by()
        rows.update(conversation=Subquery(turns.values('conversation')[:1]), **said)
        ids = list(calls.filter(pk__gt=ids[-1]).values_list('pk', flat=True)[:BATCH])
    for start in range(0, len(tests), 500):
        calls.filter(turn__conversation__in=tests[start:start + 500]).order_by().update(is_test=True)


class Migration(migrations.Migration):

    atomic = False
    dependencies = [('conversations', '0008_modelcall_bot_and_channel')]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
