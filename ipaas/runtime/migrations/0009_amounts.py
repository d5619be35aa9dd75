from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("runtime", "0008_saved_filters")]

    operations = [
        migrations.AddField("deadletter", "amount", models.DecimalField(decimal_places=4, max_digits=18, null=True)),
        migrations.AddField("deadletter", "currency", models.CharField(db_default="", default="", max_length=3)),
    ]
