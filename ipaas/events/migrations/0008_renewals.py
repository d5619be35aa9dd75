"""When subscriptions that end by themselves are lengthened."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0007_words_of_refusals"),
    ]

    operations = [
        migrations.AddField(
            model_name="subscription",
            name="renew_due_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
