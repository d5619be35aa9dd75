"""Drafts are read once, with progress; what was waiting to be looked at is read again."""

from django.db import migrations, models

KINDS = [
    ("openapi", "OpenAPI"),
    ("curl", "cURL"),
    ("postman", "Postman"),
    ("har", "HAR"),
    ("graphql", "GraphQL"),
]


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_connecting")]

    operations = [
        migrations.AlterField("importedconnector", "kind", models.CharField(choices=KINDS, max_length=12)),
        migrations.AddField("importdraft", "kind", models.CharField(choices=KINDS, default="openapi", max_length=12)),
        migrations.AddField(
            "importdraft",
            "state",
            models.CharField(
                choices=[("reading", "being read"), ("ready", "read"), ("failed", "not readable")],
                default="reading",
                max_length=10,
            ),
        ),
        migrations.AddField("importdraft", "phase", models.CharField(blank=True, default="", max_length=20)),
        migrations.AddField("importdraft", "done", models.PositiveIntegerField(default=0)),
        migrations.AddField("importdraft", "total", models.PositiveIntegerField(default=0)),
        migrations.AddField("importdraft", "problem", models.TextField(blank=True, default="")),
        migrations.AddField("importdraft", "result", models.BinaryField(null=True)),
        migrations.AddField("importdraft", "reading_until", models.DateTimeField(null=True)),
    ]
