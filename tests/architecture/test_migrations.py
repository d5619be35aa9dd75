"""Models and migrations agree, and each app starts with one initial migration."""

from io import StringIO

import pytest
from django.apps import AppConfig, apps
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

OWN = [app for app in apps.get_app_configs() if app.name.startswith("ipaas.")]


@pytest.mark.django_db
def test_no_model_change_lacks_a_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, stdout=StringIO(), stderr=StringIO())


@pytest.mark.parametrize("app", [app for app in OWN if list(app.get_models())], ids=lambda app: app.label)
def test_app_has_one_first_and_one_last_migration(app: AppConfig) -> None:
    loader = MigrationLoader(None)

    assert [name for label, name in loader.disk_migrations if label == app.label and name.startswith("0001_")] == [
        "0001_initial"
    ]
    assert len(loader.graph.leaf_nodes(app.label)) == 1
