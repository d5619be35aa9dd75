"""Commands of connectors and of what is tried over a connection."""

import json
from pathlib import Path
from typing import Any

import pytest

from ipaas.accounts.models import Environment, Workspace
from ipaas.catalog import drafts
from ipaas.catalog.models import Connection, ImportDraft, ImportedConnector
from ipaas.catalog.services import create_connection
from ipaas.cli import connectors
from ipaas.core.actor import SYSTEM
from tests.factories.descriptions import SOURCE, changed
from tests.integration.catalog.test_releases import update
from tests.integration.cli.conftest import Run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path, SOURCE)


def written(folder: Path, source: dict[str, Any]) -> Path:
    path = folder / "parcel-post.json"
    path.write_text(json.dumps(source))
    return path


def test_a_preview_keeps_nothing(run: Run, file: Path) -> None:
    told = run("connectors", "import", str(file), "--preview")
    assert (told.exit_code, told.output.splitlines()[0]) == (
        0,
        "Parcel Post: 1 operations, OpenAPI 3.0, 0 left out, 0 notes",
    )
    assert not ImportedConnector.objects.exists()
    assert not ImportDraft.objects.exists()


def test_a_description_becomes_a_connector_once(run: Run, file: Path) -> None:
    assert "version 1.0.0 with 1 operations is kept" in run("connectors", "import", str(file)).output
    assert "nothing new" in run("connectors", "import", str(file)).output
    assert ImportedConnector.objects.count() == 1
    rows = json.loads(run("connectors", "list", "--origin", "imported", "--json").output)
    assert [(row["slug"], row["operations"]) for row in rows] == [("parcel-post", 1)]
    assert "send_parcel" in run("connectors", "show", "parcel-post").output


def test_what_breaks_has_to_be_confirmed(
    run: Run, file: Path, tmp_path: Path, acme: Workspace, production: Environment
) -> None:
    run("connectors", "import", str(file))
    create_connection(environment=production, slug="post", connector="parcel-post", actor=SYSTEM)
    again = written(tmp_path, changed())
    refused = run("connectors", "import", str(again))
    assert refused.exit_code == 2
    assert "BREAKING" in refused.output
    assert not ImportDraft.objects.exists()
    assert run("connectors", "import", str(again), "--yes").exit_code == 0
    assert "is new and required" in run("connectors", "versions", "parcel-post", "--changes", "2").output
    assert run("connections", "move", "post", "--version", "2.0.0").exit_code == 2
    moved = run("connections", "move", "post", "--version", "2.0.0", "--yes")
    assert "uses parcel-post 2.0.0" in moved.output
    assert Connection.objects.get().connector_version == "2.0.0"
    assert run("versions", "retire", "connector/parcel-post@2", "--reason", "over").exit_code == 1
    ended = ("--reason", "the vendor ends it", "--until", "2099-01-01", "--replacement", "parcel-post@2")
    assert run("versions", "deprecate", "connector/parcel-post@1", *ended).exit_code == 0
    assert run("versions", "retire", "connector/parcel-post@1", "--reason", "over").exit_code == 0
    rows = json.loads(run("versions", "list", "connector/parcel-post", "--json").output)
    assert [(row["number"], row["state"]) for row in rows] == [(2, "published"), (1, "retired")]


def test_an_import_waits_for_a_steward_where_the_policy_says_so(run: Run, file: Path, acme: Workspace) -> None:
    acme.settings["review_policy"] = {"connector": "steward"}
    acme.save()
    told = run("connectors", "import", str(file), "--note", "parcels")
    assert (told.exit_code, "waits" in told.output) == (7, True)
    assert not ImportedConnector.objects.exists()
    review = json.loads(run("reviews", "list", "--kind", "connector", "--json").output)[0]
    assert "[not_applicable]" in run("reviews", "show", review["id"]).output
    assert run("versions", "list", "connector/parcel-post").exit_code == 0


def test_a_connection_over_an_installed_connector_is_moved_after_what_breaks_was_shown(
    run: Run, production: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = create_connection(environment=production, slug="shop", connector="loyalty", actor=SYSTEM)
    before = row.connector_version
    update(monkeypatch, without="award_points")
    asked = run("connections", "move", "shop", "--version", "2.0.0")
    assert (asked.exit_code, "BREAKING" in asked.output, "award_points" in asked.output) == (2, True, True)
    assert "uses loyalty 2.0.0" in run("connections", "move", "shop", "--version", "2.0.0", "--yes").output
    assert f"uses loyalty {before}" in run("connections", "move", "shop", "--version", before, "--yes").output
    assert run("connections", "move", "shop", "--version", "9.0.0", "--yes").exit_code != 0
    row.refresh_from_db()
    assert row.connector_version == before


def test_a_category_that_is_none_is_answered_with_those_there_are(run: Run, file: Path) -> None:
    told = run("connectors", "import", str(file), "--category", "shops")
    assert told.exit_code == 1
    assert "is not one of" in told.output
    assert "storefront" in told.output


def test_what_is_no_description_is_said_so(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<html></html>")
    told = run("connectors", "import", str(page))
    assert told.exit_code == 1
    assert "not a description that can be imported" in told.output


def test_a_description_beyond_what_other_requests_may_carry(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "begin", drafts.read_draft)
    monkeypatch.setattr(connectors, "POLL_S", 0)
    source = {**SOURCE, "x-notes": ["word " * 1000 for _ in range(800)]}
    assert len(json.dumps(source)) > 3_500_000
    told = run("connectors", "import", str(written(tmp_path, source)))
    assert told.exit_code == 0, told.output
    assert ImportedConnector.objects.count() == 1


def test_an_effect_is_not_tried_by_accident(run: Run, file: Path, production: Environment) -> None:
    run("connectors", "import", str(file))
    create_connection(environment=production, slug="post", connector="parcel-post", actor=SYSTEM)
    told = run("connections", "try", "post", "send_parcel", "--param", 'body={"weight": 1}')
    assert told.exit_code == 1
    assert "say that you mean it" in told.output


def test_a_command_from_standard_input_becomes_a_connector(run: Run) -> None:
    command = "curl -u alice:very-secret-value https://api.example.com/things"
    told = run("connectors", "import", "-", "--slug", "things", stdin=command)
    assert "1 operations, curl, 0 left out" in told.output
    assert ImportedConnector.objects.get().kind == "curl"
    assert run("connectors", "import", "-", "--slug", "x", "--kind", "har", stdin=command).exit_code == 1
