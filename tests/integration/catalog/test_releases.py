"""An update of an installed connector changes no connection: each stays at its version until somebody moves it."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from ipaas.accounts.models import Environment, Workspace
from ipaas.catalog import registry, releases
from ipaas.catalog.errors import ConnectorMissing
from ipaas.catalog.models import Connection, KeptRelease
from ipaas.catalog.registry import connector_of
from ipaas.catalog.releases import keep_pinned, release_changes
from ipaas.catalog.services import create_connection, update_connection
from ipaas.core.actor import SYSTEM
from ipaas.sdk.connector import Connector
from ipaas.sdk.loader import Survey
from ipaas.sdk.manifest_reader import parse_manifest


@pytest.fixture(autouse=True)
def _no_release_kept() -> Iterator[None]:
    releases._kept.cache_clear()
    yield
    releases._kept.cache_clear()


@pytest.fixture
def shop(workspace: Workspace, environment: Environment) -> Connection:
    return create_connection(environment=environment, slug="shop", connector="loyalty", actor=SYSTEM)


def update(monkeypatch: pytest.MonkeyPatch, version: str = "2.0.0", **changes: Any) -> Connector:
    """The installation has another version of the connector from now on."""
    document = deepcopy(dict(registry.connectors()["loyalty"].manifest.document))
    gone = changes.pop("without", "")
    document["actions"] = {name: one for name, one in document["actions"].items() if name != gone}
    document |= {"stub": {}, "version": version, **changes}
    made = Connector(parse_manifest(document))
    found = Survey({**registry.connectors(), "loyalty": made}, ())
    monkeypatch.setattr(registry, "installed", lambda: found)
    return made


def test_a_connection_stays_at_its_version_until_it_is_moved(shop: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    before = connector_of(shop).manifest
    made = update(monkeypatch, without="award_points")
    assert connector_of(shop).manifest.version == before.version
    assert connector_of(shop).manifest.actions == before.actions
    changes = release_changes(made, shop.connector_version)
    assert (changes[0].subject, changes[0].breaking) == ("award_points", True)
    shop = update_connection(connection=shop, changes={"title": "Points"}, actor=SYSTEM)
    assert shop.connector_version == before.version
    shop = update_connection(connection=shop, changes={"connector_version": "2.0.0"}, actor=SYSTEM)
    assert connector_of(shop) is made
    back = update_connection(connection=shop, changes={"connector_version": before.version}, actor=SYSTEM)
    assert "award_points" in connector_of(back).manifest.actions


def test_a_version_that_is_neither_installed_nor_kept_is_refused(shop: Connection) -> None:
    with pytest.raises(ConnectorMissing):
        update_connection(connection=shop, changes={"connector_version": "9.9.9"}, actor=SYSTEM)


def test_what_was_pinned_before_versions_were_kept_is_kept_after_migrating(
    shop: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    KeptRelease.objects.all().delete()
    keep_pinned(registry.connectors)
    assert KeptRelease.objects.get().slug == "loyalty"
    update(monkeypatch, without="award_points")
    assert "award_points" in connector_of(shop).manifest.actions
