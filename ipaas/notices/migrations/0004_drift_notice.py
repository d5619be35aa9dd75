from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notices", "0003_about_secrets"),
    ]

    operations = [
        migrations.CreateModel(
            name="DriftNotice",
            fields=[
                ("mapping_id", models.UUIDField(primary_key=True, serialize=False)),
                ("told_at", models.DateTimeField()),
            ],
        ),
    ]
