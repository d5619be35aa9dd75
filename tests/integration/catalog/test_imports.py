"""Connectors made of descriptions: versions, what pins them, who may, and calls over them."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import TestCase
from django.utils.timezone import now

from ipaas.accounts.models import Environment, Workspace
from ipaas.audit.models import AuditEntry
from ipaas.catalog import drafts
from ipaas.catalog.errors import ImportNotRead
from ipaas.catalog.fetching import fetch_description
from ipaas.catalog.imports import draft_import, propose_import
from ipaas.catalog.models import ImportDraft, ImportedConnector
from ipaas.catalog.registry import connector_in, connector_of
from ipaas.catalog.services import create_connection, update_connection
from ipaas.core import jsonio
from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.errors import InvalidInput, PermissionDenied
from ipaas.flows.catalogue import catalogue_of
from ipaas.flows.models import Flow
from ipaas.governance.connectors import keep_import
from ipaas.sdk.openapi import OpenApiUnreadable
from ipaas.sdk.openapi.apart import SMALL_BYTES
from ipaas.web.change_users import with_users
from tests.factories.descriptions import SOURCE, changed, import_connector

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return Workspace.objects.create(slug="acme", name="Acme")


@pytest.fixture
def environment(workspace: Workspace) -> Environment:
    return Environment.objects.create(workspace=workspace, slug="production", name="Production")


def kept(workspace: Workspace, source: dict[str, Any]) -> ImportedConnector:
    return import_connector(workspace=workspace, slug="parcel-post", source=jsonio.dumps(source), actor=SYSTEM)


def kept_draft(draft: ImportDraft) -> ImportedConnector:
    found = keep_import(draft=draft, actor=SYSTEM).version
    assert found is not None
    return found


def test_what_is_looked_at_is_not_kept(workspace: Workspace) -> None:
    found = propose_import(workspace=workspace, slug="parcel-post", source=jsonio.dumps(SOURCE), actor=SYSTEM)
    assert list(found.imported.manifest.actions) == ["send_parcel"]
    assert (found.previous, found.known, found.changes) == (None, None, ())
    assert not ImportedConnector.objects.exists()


def test_the_same_source_again_is_the_same_version(workspace: Workspace) -> None:
    first, again = kept(workspace, SOURCE), kept(workspace, SOURCE)
    assert first == again
    assert (first.version, first.title, first.action_count, first.api_version) == ("1.0.0", "Parcel Post", 1, "2026-01")
    assert AuditEntry.objects.filter(action="connector.imported").count() == 1


def test_another_source_is_the_next_version_and_says_what_breaks(workspace: Workspace) -> None:
    kept(workspace, SOURCE)
    found = propose_import(workspace=workspace, slug="parcel-post", source=jsonio.dumps(changed()), actor=SYSTEM)
    told = {
        (change.path.removeprefix("actions.send_parcel."), change.message, change.breaking) for change in found.changes
    }
    assert told == {
        ("params.body.service", "is new and required", True),
        ("params.body.to", "is gone", True),
        ("response.service", "is new", False),
        ("response.to", "is gone", True),
    }
    assert found.breaking
    assert kept(workspace, changed()).version == "2.0.0"


def test_connections_stay_at_their_version_until_they_are_moved(workspace: Workspace, environment: Environment) -> None:
    kept(workspace, SOURCE)
    row = create_connection(environment=environment, slug="post", connector="parcel-post", actor=SYSTEM)
    kept(workspace, changed())
    assert _demanded(row) == ["weight"]
    row = update_connection(connection=row, changes={"title": "Parcels"}, actor=SYSTEM)
    assert (row.connector_version, _demanded(row)) == ("1.0.0", ["weight"])
    row = update_connection(connection=row, changes={"connector_version": "2.0.0"}, actor=SYSTEM)
    assert _demanded(row) == ["service", "weight"]
    assert row.base_url == "https://api.parcelpost.example/v1"


def _demanded(row: Any) -> list[str]:
    schema = connector_of(row).manifest.actions["send_parcel"].params_schema
    found: list[str] = schema["definitions"]["Parcel"]["required"]
    return found


def test_flows_are_checked_against_what_was_imported(workspace: Workspace, environment: Environment) -> None:
    kept(workspace, SOURCE)
    create_connection(environment=environment, slug="post", connector="parcel-post", actor=SYSTEM)
    catalogue = catalogue_of(workspace.id)
    assert catalogue is not None
    facts = catalogue.action("post", "send_parcel")
    assert facts is not None
    assert facts.effect == "unkeyed"


def test_another_workspace_knows_nothing_of_it(workspace: Workspace) -> None:
    kept(workspace, SOURCE)
    elsewhere = Workspace.objects.create(slug="globex", name="Globex")
    with pytest.raises(Exception, match="not installed"):
        connector_in(elsewhere.id, "parcel-post")


@pytest.mark.parametrize("slug", ["http", "Parcel", "1st", "a" * 61, "", "new parcel", "-a"])
def test_slugs_that_can_not_be_taken(workspace: Workspace, slug: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        import_connector(workspace=workspace, slug=slug, source=jsonio.dumps(SOURCE), actor=SYSTEM)
    assert [error["path"] for error in caught.value.errors] == ["slug"]


def test_nothing_is_kept_of_a_document_that_is_none(workspace: Workspace) -> None:
    with pytest.raises(OpenApiUnreadable):
        import_connector(workspace=workspace, slug="parcel-post", source=b"<html>", actor=SYSTEM)
    assert not ImportedConnector.objects.exists()


def test_who_may_not_change_connections_may_not_import(workspace: Workspace) -> None:
    reader = Actor(
        kind="user", id="1", label="Bob", workspace_id=workspace.id, permissions=frozenset({"connections.view"})
    )
    for deed in (import_connector, propose_import):
        with pytest.raises(PermissionDenied):
            deed(workspace=workspace, slug="parcel-post", source=jsonio.dumps(SOURCE), actor=reader)
    with pytest.raises(PermissionDenied):
        fetch_description(workspace=workspace, url="https://api.parcelpost.example/openapi.json", actor=reader)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9/x.json", "http://169.254.169.254/latest", "https://user:pass@example.org/x", "ftp://example.org/x",
     "https://[::ffff:10.0.0.1]/x", "javascript:alert(1)", "", "http://localhost/x"],
)  # fmt: skip
def test_addresses_that_lead_inside_are_refused(workspace: Workspace, url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        fetch_description(workspace=workspace, url=url, actor=SYSTEM)
    assert caught.value.errors[0]["path"] == "url"


def large(**more: Any) -> bytes:
    return jsonio.dumps({**SOURCE, "x-padding": "x" * (SMALL_BYTES + 1), **more})


@pytest.fixture
def unread(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> ImportDraft:
    """A large description that nobody reads yet."""
    monkeypatch.setattr(drafts, "begin", lambda draft_id: None)
    return draft_import(workspace=workspace, slug="parcel-post", source=large(), actor=SYSTEM, wait=False)


def test_a_large_description_is_read_beside_the_request_and_once(unread: ImportDraft) -> None:
    assert unread.state == ImportDraft.State.READING
    with pytest.raises(ImportNotRead):
        keep_import(draft=unread, actor=SYSTEM)
    assert drafts.read_draft(unread.id)
    unread.refresh_from_db()
    assert (unread.state, unread.problem) == (ImportDraft.State.READY, "")
    assert not drafts.read_draft(unread.id)
    assert kept_draft(unread).action_count == 1


def test_two_do_not_read_the_same_draft_and_an_abandoned_one_is_begun_again(
    unread: ImportDraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    ImportDraft.objects.filter(id=unread.id).update(reading_until=now() + timedelta(minutes=1))
    assert not drafts.read_draft(unread.id)
    begun: list[Any] = []
    monkeypatch.setattr(drafts, "begin", begun.append)
    unread.refresh_from_db()
    drafts.looked_at(unread)
    assert begun == []
    unread.reading_until = now() - timedelta(seconds=1)
    drafts.looked_at(unread)
    assert begun == [unread.id]


def test_what_is_wrong_with_a_large_description_is_told_in_the_draft(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "begin", drafts.read_draft)
    with TestCase.captureOnCommitCallbacks(execute=True):
        draft = draft_import(workspace=workspace, slug="x", source=large(paths={}), actor=SYSTEM, wait=False)
    draft.refresh_from_db()
    assert draft.state == ImportDraft.State.FAILED
    assert "neither an operation" in draft.problem


def test_of_a_command_only_what_is_not_secret_is_kept(workspace: Workspace) -> None:
    secret = "sk_live_4eC39HqLyjWDarjtT1zdp7dc"
    source = f"curl -u alice:{secret} -H 'X-Api-Key: {secret}' https://api.example.com/things?token={secret}"
    draft = draft_import(workspace=workspace, slug="things", source=source.encode(), actor=SYSTEM)
    assert (draft.kind, secret.encode() in draft.source) == ("curl", False)
    row = kept_draft(draft)
    assert (row.kind, row.dialect, secret in str(row.document)) == ("curl", "curl", False)
    with connection.cursor() as cursor:
        for model in (ImportDraft, ImportedConnector, AuditEntry):
            cursor.execute(f"SELECT * FROM {model._meta.db_table}")  # noqa: S608 - names of our own tables
            assert secret not in str(cursor.fetchall())


def test_each_change_names_the_flows_and_connections_that_it_meets(
    workspace: Workspace, environment: Environment
) -> None:
    kept(workspace, SOURCE)
    create_connection(environment=environment, slug="post", connector="parcel-post", actor=SYSTEM)
    step = {"step": "send", "connection": "post", "action": "send_parcel"}
    Flow.objects.create(workspace=workspace, slug="orders", title="Orders", draft={"do": [{"sequence": [step]}]})
    Flow.objects.create(workspace=workspace, slug="other", title="Other", draft={"do": [{**step, "connection": "x"}]})
    source = changed()
    source["components"]["securitySchemes"] = {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}
    found = propose_import(workspace=workspace, slug="parcel-post", source=jsonio.dumps(source), actor=SYSTEM)
    told = {one.path: one.users for one in with_users(workspace, "parcel-post", found.changes)}
    assert told["actions.send_parcel.params.body.to"] == ("flow orders (draft)",)
    assert told["auth.token"] == ("connection post (production)",)
    assert told["auth.key"] == ()
