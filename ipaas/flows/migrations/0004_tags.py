from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("flows", "0003_source_text")]

    operations = [
        migrations.AddField(
            "flow", "tags", ArrayField(models.CharField(max_length=40), blank=True, default=list, db_default=[])
        ),
    ]
