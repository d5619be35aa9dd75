from django.db import migrations, models

from ipaas.core.documents import COLUMNS, immutability_function_sql

TABLE = "contracts_schemaversion"


class Migration(migrations.Migration):
    dependencies = [("contracts", "0002_immutability")]

    operations = [
        migrations.AddField("schema", "draft_text", models.TextField(blank=True, default="", db_default="")),
        migrations.AddField("schemaversion", "text", models.TextField(blank=True, default="", db_default="")),
        migrations.RunSQL(immutability_function_sql(TABLE, (*COLUMNS, "text")), immutability_function_sql(TABLE)),
    ]
