import django.db.models.deletion
from django.db import migrations, models

import ipaas.core.ids


class Migration(migrations.Migration):
    dependencies = [("events", "0003_policies")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE events_receipt ADD COLUMN redelivery_of uuid",
            "ALTER TABLE events_receipt DROP COLUMN redelivery_of",
        ),
        migrations.AddField(model_name="receipt", name="redelivery_of", field=models.UUIDField(null=True)),
        migrations.CreateModel(
            name="ArrivalNote",
            fields=[
                (
                    "id",
                    models.UUIDField(default=ipaas.core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("workspace_id", models.UUIDField()),
                (
                    "verdict",
                    models.CharField(
                        choices=[("refused", "Refused"), ("repeated", "Repeated"), ("challenge", "Challenge")],
                        max_length=10,
                    ),
                ),
                ("status", models.PositiveSmallIntegerField()),
                ("code", models.CharField(blank=True, default="", max_length=60)),
                ("detail", models.CharField(blank=True, default="", max_length=300)),
                ("method", models.CharField(max_length=10)),
                ("peer", models.CharField(blank=True, default="", max_length=50)),
                ("size", models.PositiveIntegerField()),
                ("receipt_id", models.UUIDField(null=True)),
                ("sealed", models.BinaryField()),
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="arrivals", to="events.endpoint"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["endpoint", "-id"], name="events_arrival_recent")],
            },
        ),
    ]
