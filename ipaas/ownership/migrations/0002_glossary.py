import django.db.models.deletion
from django.db import migrations, models

import ipaas.core.ids
from ipaas.core.documents import COLUMNS, immutability_function_sql


def _immutable(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"""{immutability_function_sql(table, (*COLUMNS, "text"))}
        CREATE TRIGGER {table}_immutable BEFORE UPDATE OR DELETE ON {table}
          FOR EACH ROW EXECUTE FUNCTION {table}_immutable();""",
        f"DROP TRIGGER {table}_immutable ON {table}; DROP FUNCTION {table}_immutable();",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_language"),
        ("ownership", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Term",
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
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="terms", to="accounts.workspace"
                    ),
                ),
            ],
            options={
                "ordering": ["slug"],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="TermVersion",
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
                        on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="ownership.term"
                    ),
                ),
            ],
            options={
                "ordering": ["-number"],
                "abstract": False,
            },
        ),
        migrations.AddConstraint(
            model_name="term",
            constraint=models.UniqueConstraint(fields=("workspace", "slug"), name="ownership_term_slug"),
        ),
        migrations.AddConstraint(
            model_name="termversion",
            constraint=models.UniqueConstraint(fields=("document", "number"), name="ownership_termversion_number"),
        ),
        migrations.CreateModel(
            name="Convention",
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
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="conventions", to="accounts.workspace"
                    ),
                ),
            ],
            options={
                "ordering": ["slug"],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="ConventionVersion",
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
                        on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="ownership.convention"
                    ),
                ),
            ],
            options={
                "ordering": ["-number"],
                "abstract": False,
            },
        ),
        migrations.AddConstraint(
            model_name="convention",
            constraint=models.UniqueConstraint(fields=("workspace", "slug"), name="ownership_convention_slug"),
        ),
        migrations.AddConstraint(
            model_name="conventionversion",
            constraint=models.UniqueConstraint(
                fields=("document", "number"), name="ownership_conventionversion_number"
            ),
        ),
        _immutable("ownership_termversion"),
        _immutable("ownership_conventionversion"),
    ]
