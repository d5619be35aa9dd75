import django.db.models.deletion
from django.db import migrations, models

import ipaas.core.ids
from ipaas.core.documents import COLUMNS, immutability_function_sql

TABLE = "contracts_contractversion"


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_language"),
        ("contracts", "0005_end_of_versions"),
    ]

    operations = [
        migrations.CreateModel(
            name="Contract",
            fields=[
                (
                    "id",
                    models.UUIDField(default=ipaas.core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("slug", models.SlugField(max_length=80)),
                ("title", models.CharField(max_length=200)),
                ("description", models.TextField(blank=True, default="")),
                ("draft", models.JSONField(blank=True, null=True)),
                ("draft_text", models.TextField(blank=True, db_default="", default="")),
                ("draft_revision", models.PositiveIntegerField(default=0)),
                ("latest_version", models.PositiveIntegerField(default=0)),
                ("archived", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("share_key", models.CharField(blank=True, max_length=64, null=True, unique=True)),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="contracts", to="accounts.workspace"
                    ),
                ),
            ],
            options={
                "ordering": ["slug"],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ContractVersion",
            fields=[
                (
                    "id",
                    models.UUIDField(default=ipaas.core.ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("number", models.PositiveIntegerField()),
                ("content", models.JSONField()),
                ("text", models.TextField(blank=True, db_default="", default="")),
                ("sha256", models.CharField(max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[("published", "Published"), ("deprecated", "Deprecated"), ("retired", "Retired")],
                        default="published",
                        max_length=12,
                    ),
                ),
                ("replacement", models.CharField(blank=True, db_default="", default="", max_length=120)),
                ("state_reason", models.TextField(blank=True, db_default="", default="")),
                ("sunset_on", models.DateField(blank=True, null=True)),
                ("note", models.TextField(blank=True, default="")),
                ("published_by", models.CharField(max_length=200)),
                ("published_at", models.DateTimeField(auto_now_add=True)),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="contracts.contract"
                    ),
                ),
            ],
            options={
                "ordering": ["-number"],
                "abstract": False,
            },
        ),
        migrations.AddConstraint(
            model_name="contract",
            constraint=models.UniqueConstraint(fields=("workspace", "slug"), name="contracts_contract_slug"),
        ),
        migrations.AddConstraint(
            model_name="contractversion",
            constraint=models.UniqueConstraint(fields=("document", "number"), name="contracts_contractversion_number"),
        ),
        migrations.RunSQL(
            f"""{immutability_function_sql(TABLE, (*COLUMNS, "text"))}
            CREATE TRIGGER {TABLE}_immutable BEFORE UPDATE OR DELETE ON {TABLE}
              FOR EACH ROW EXECUTE FUNCTION {TABLE}_immutable();""",
            f"DROP TRIGGER {TABLE}_immutable ON {TABLE}; DROP FUNCTION {TABLE}_immutable();",
        ),
    ]
