from django.db import migrations

from ipaas.core.documents import immutability_sql

TABLE = "flows_flowversion"


class Migration(migrations.Migration):
    dependencies = [("flows", "0001_initial")]

    operations = [
        migrations.RunSQL(
            immutability_sql(TABLE),
            f"DROP TRIGGER {TABLE}_immutable ON {TABLE}; DROP FUNCTION {TABLE}_immutable();",
        ),
    ]
