from django.db import migrations, models

from ipaas.core.documents import COLUMNS, immutability_function_sql

TABLE = "flows_flowversion"


class Migration(migrations.Migration):
    dependencies = [("flows", "0002_immutability")]

    operations = [
        migrations.AddField("flow", "draft_text", models.TextField(blank=True, default="", db_default="")),
        migrations.AddField("flowversion", "text", models.TextField(blank=True, default="", db_default="")),
        migrations.RunSQL(immutability_function_sql(TABLE, (*COLUMNS, "text")), immutability_function_sql(TABLE)),
    ]
