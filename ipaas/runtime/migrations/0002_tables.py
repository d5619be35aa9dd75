from datetime import timedelta

from django.db import migrations

from ipaas.core.clock import now
from ipaas.core.partitions import ensure_partitions
from ipaas.runtime import tables


def make_partitions(apps, schema_editor):
    today = now().date()
    wanted = tables.PARTITIONED
    with schema_editor.connection.cursor() as cursor:
        ensure_partitions(cursor, today - timedelta(days=1), today + timedelta(days=7), wanted)


class Migration(migrations.Migration):
    dependencies = [("runtime", "0001_initial")]
    operations = [
        migrations.RunSQL(tables.FORWARD, tables.BACKWARD),
        migrations.RunPython(make_partitions, migrations.RunPython.noop),
    ]
