import django.db.models.deletion
from django.db import migrations, models

import ipaas.core.ids


class Migration(migrations.Migration):
    dependencies = [("flows", "0004_tags")]

    operations = [
        migrations.CreateModel(
            name="DraftSnapshot",
            fields=[
                (
                    "id",
                    models.UUIDField(default=ipaas.core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("content", models.JSONField()),
                ("parts", models.JSONField(default=dict)),
                ("sha256", models.CharField(max_length=64)),
                ("taken_by", models.CharField(max_length=200)),
                ("used_at", models.DateTimeField(auto_now=True)),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="snapshots", to="flows.flow"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("document", "sha256"), name="flows_draftsnapshot_once")
                ],
            },
        ),
    ]
