from datetime import timedelta

from django.db import migrations, models

from ipaas.core.clock import now
from ipaas.core.partitions import ensure_partitions
from ipaas.runtime import tables


def make_partitions(apps, schema_editor):
    today = now().date()
    with schema_editor.connection.cursor() as cursor:
        ensure_partitions(cursor, today - timedelta(days=1), today + timedelta(days=7), (tables.BREACH,))


class Migration(migrations.Migration):
    dependencies = [("runtime", "0010_drift")]

    operations = [
        migrations.RunSQL(tables.BREACH_FORWARD, tables.BREACH_BACKWARD),
        migrations.RunPython(make_partitions, migrations.RunPython.noop),
        migrations.CreateModel(
            "Breach",
            [
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "run_id", "edge", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("run_id", models.UUIDField()),
                ("edge", models.TextField()),
                ("workspace_id", models.UUIDField()),
                ("flow_id", models.UUIDField()),
                ("environment_id", models.UUIDField()),
                ("contract", models.TextField()),
                ("mode", models.TextField()),
                ("place", models.TextField()),
                ("keyword", models.TextField()),
                ("message", models.TextField()),
            ],
            options={"db_table": "runtime_breach", "managed": False},
        ),
    ]
