"""An update of an installed connector changes no connection: each stays at its version until somebody moves it."""

import asyncio
import re
import shutil
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from ipaas.accounts.models import Environment, Workspace
from ipaas.catalog import kept_code, registry, releases
from ipaas.catalog.errors import ConnectorCodeMissing, ConnectorMissing
from ipaas.catalog.models import Connection, KeptRelease
from ipaas.catalog.registry import connector_of
from ipaas.catalog.releases import keep_pinned, release_changes
from ipaas.catalog.services import create_connection, update_connection
from ipaas.core.actor import SYSTEM
from ipaas.sdk.connector import Connector
from ipaas.sdk.loader import Survey, load_folder
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


CODE = "async def award(call):\n    return {0!r}\n\nHANDLERS = {{'award_points': award}}\n"


@pytest.fixture
def coded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Connector]:
    """Installs the loyalty connector in a version whose code answers with a word."""
    folder = tmp_path / "installed" / "loyalty"
    shutil.copytree(registry.FOLDER / "loyalty", folder)
    monkeypatch.setattr(kept_code, "_place", lambda digest: tmp_path / "home" / f"{digest}.py")
    kept_code.kept_handlers.cache_clear()

    def install(version: str, word: str) -> Connector:
        text = (registry.FOLDER / "loyalty" / "manifest.yaml").read_text()
        (folder / "manifest.yaml").write_text(re.sub(r"(?m)^version: .*$", f"version: {version}", text))
        (folder / "connector.py").write_text(CODE.format(word))
        made = load_folder(folder)
        found = Survey({**registry.connectors(), "loyalty": made}, ())
        monkeypatch.setattr(registry, "installed", lambda: found)
        kept_code.keep_code([made])
        return made

    return install


async def _word(connector: Connector) -> Any:
    return await connector.handlers["award_points"](None)  # type: ignore[arg-type]


def test_a_connection_runs_the_code_of_its_version(
    coded: Callable[[str, str], Connector], environment: Environment, tmp_path: Path
) -> None:
    coded("5.0.0", "old")
    shop = create_connection(environment=environment, slug="shop", connector="loyalty", actor=SYSTEM)
    coded("6.0.0", "new")
    assert asyncio.run(_word(connector_of(shop))) == "old"
    moved = update_connection(connection=shop, changes={"connector_version": "6.0.0"}, actor=SYSTEM)
    assert asyncio.run(_word(connector_of(moved))) == "new"


@pytest.mark.parametrize("harm", ["gone", "changed"])
def test_code_that_is_gone_or_was_changed_is_not_replaced_by_other_code(
    coded: Callable[[str, str], Connector], environment: Environment, tmp_path: Path, harm: str
) -> None:
    coded("5.0.0", "old")
    shop = create_connection(environment=environment, slug="shop", connector="loyalty", actor=SYSTEM)
    coded("6.0.0", "new")
    for copy in (tmp_path / "home").glob("*.py"):
        if "old" in copy.read_text():
            copy.unlink() if harm == "gone" else copy.write_text(CODE.format("bad"))
    with pytest.raises(ConnectorCodeMissing, match=r"does not have the code of loyalty 5\.0\.0"):
        connector_of(shop)


def test_what_breaks_says_what_to_do_and_the_writer_what_else(
    shop: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = {"3.0.0": "Later.", "2.0.0": "Points are whole numbers now.", "0.9.0": "Long ago."}
    made = update(monkeypatch, without="award_points", migration=notes)
    told = [one for one in release_changes(made, shop.connector_version) if one.told]
    assert [(one.path, one.message, bool(one.hint)) for one in told] == [
        ("actions.award_points", "the operation award_points is gone", True),
        ("migration.2.0.0", "Points are whole numbers now.", False),
    ]
    assert "another operation" in told[0].hint
