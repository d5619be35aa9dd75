from django.db import migrations, models

import ipaas.core.ids


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_access")]

    operations = [
        migrations.CreateModel(
            name="KeptAnswer",
            fields=[
                (
                    "id",
                    models.UUIDField(default=ipaas.core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("workspace_id", models.UUIDField()),
                ("principal", models.CharField(max_length=200)),
                ("route", models.CharField(max_length=300)),
                ("key", models.CharField(max_length=200)),
                ("request_sha256", models.BinaryField(max_length=32)),
                ("status", models.PositiveSmallIntegerField()),
                ("body", models.BinaryField()),
                ("created_at", models.DateTimeField(db_index=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("workspace_id", "principal", "route", "key"), name="accounts_keptanswer_once"
                    )
                ],
            },
        ),
    ]
