from django.db import migrations, models

from ipaas.core.documents import COLUMNS, immutability_function_sql

TABLE = "mapping_mappingversion"


class Migration(migrations.Migration):
    dependencies = [("mapping", "0002_immutability")]

    operations = [
        migrations.AddField("mapping", "draft_text", models.TextField(blank=True, default="", db_default="")),
        migrations.AddField("mappingversion", "text", models.TextField(blank=True, default="", db_default="")),
        migrations.RunSQL(immutability_function_sql(TABLE, (*COLUMNS, "text")), immutability_function_sql(TABLE)),
    ]
