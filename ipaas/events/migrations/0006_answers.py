"""What accepted deliveries are answered, and when a sender's own secret was kept."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0005_subscriptions"),
    ]

    operations = [
        migrations.AddField(
            model_name="endpoint",
            name="answer_status",
            field=models.PositiveSmallIntegerField(db_default=202, default=202),
        ),
        migrations.AddField(
            model_name="endpoint",
            name="greeted_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
