"""Connectors that a workspace makes go through the same reviews as everything else, and can not get round them."""

from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from ipaas.accounts.models import Environment
from ipaas.audit.models import AuditEntry
from ipaas.catalog.connector_document import CONNECTOR_TYPE
from ipaas.catalog.connector_models import ConnectorDocument, ConnectorProposal, ConnectorVersion, pack_manifest
from ipaas.catalog.errors import ConnectorMissing, ConnectorVersionRetired
from ipaas.catalog.imports import draft_import, propose_import
from ipaas.catalog.models import ImportedConnector
from ipaas.catalog.registry import connector_in
from ipaas.catalog.services import create_connection, update_connection
from ipaas.core import jsonio
from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.clock import now
from ipaas.core.errors import InvalidInput, PermissionDenied
from ipaas.governance.applying import Wish, plan_documents
from ipaas.governance.approving import approve_and_publish, publish_review
from ipaas.governance.connectors import Kept, keep_import
from ipaas.governance.ending import StillUsed, deprecate_version, retire_version
from ipaas.governance.gate import ApprovalOutdated, ReviewWaits
from ipaas.governance.models import Review
from ipaas.governance.review_policy import OwnWork
from ipaas.governance.reviews import approve_review, changes_of, is_outdated, return_review, withdraw_review
from ipaas.governance.services import apply_document, publish
from ipaas.web.pages.review_evidence import check_rows, written_base
from tests.factories.descriptions import SOURCE, changed
from tests.integration.governance.conftest import Acme

SLUG = "parcel-post"


def imported(acme: Acme, source: dict[str, Any], actor: Actor | None = None, note: str = "") -> Kept:
    who = actor or acme.alice
    draft = draft_import(workspace=acme.workspace, slug=SLUG, source=jsonio.dumps(source), actor=who)
    return keep_import(draft=draft, actor=who, note=note)


def review_of(kept: Kept) -> Review:
    assert (kept.version, kept.review is not None) == (None, True)
    assert kept.review is not None
    return kept.review


@pytest.fixture
def watched(acme: Acme) -> Acme:
    """Version 1 is there; from now on a steward looks at connectors."""
    assert imported(acme, SOURCE).version is not None
    acme.rules(connector="steward")
    return acme


def test_without_a_policy_an_import_is_a_version_at_once(acme: Acme) -> None:
    kept = imported(acme, SOURCE)
    assert kept.version is not None
    assert (kept.version.version, kept.version.state) == ("1.0.0", "published")
    assert ConnectorVersion.objects.get().sha256 == kept.version.released.sha256  # type: ignore[union-attr]
    assert not ConnectorProposal.objects.exists()


def test_nothing_calls_over_what_waits_for_a_steward(acme: Acme) -> None:
    acme.rules(connector="steward")
    review = review_of(imported(acme, SOURCE, note="parcels of the new warehouse"))
    assert (review.kind, review.slug, review.base_version, review.note) == (
        "connector",
        SLUG,
        0,
        "parcels of the new warehouse",
    )
    assert not ImportedConnector.objects.exists()
    with pytest.raises(ConnectorMissing):
        connector_in(acme.workspace.id, SLUG)
    with pytest.raises(ReviewWaits):
        publish(document_type="connector", document=ConnectorDocument.objects.get(), actor=acme.alice)
    approve_and_publish(review=review, actor=acme.bob, shown=review.sha256)
    assert connector_in(acme.workspace.id, SLUG).manifest.version == "1.0.0"


def test_who_imported_does_not_approve(watched: Acme) -> None:
    review = review_of(imported(watched, changed(), actor=watched.bob))
    with pytest.raises(OwnWork):
        approve_review(review=review, actor=watched.bob, shown=review.sha256)
    assert approve_review(review=review, actor=watched.sue, shown=review.sha256).state == "approved"


def test_whoever_handed_the_description_in_does_not_approve_it_although_another_one_kept_it(watched: Acme) -> None:
    source = jsonio.dumps(changed())
    draft = draft_import(workspace=watched.workspace, slug=SLUG, source=source, actor=watched.bob)
    review = review_of(keep_import(draft=draft, actor=watched.alice))
    assert {one["label"] for one in review.authors} == {"alice@example.com", "bob@example.com"}
    with pytest.raises(OwnWork):
        approve_review(review=review, actor=watched.bob, shown=review.sha256)


def test_an_approval_is_bound_to_the_very_description(watched: Acme) -> None:
    first = review_of(imported(watched, changed()))
    approve_review(review=first, actor=watched.bob, shown=first.sha256)
    worse = changed()
    worse["servers"] = [{"url": "https://evil.example"}]
    second = review_of(imported(watched, worse))
    first.refresh_from_db()
    assert (first.state, second.sha256 == first.sha256) == ("superseded", False)
    with pytest.raises(ReviewWaits):
        publish_review(review=first, actor=watched.alice)
    assert ImportedConnector.objects.count() == 1


def test_a_description_that_was_swapped_behind_the_document_is_not_published(watched: Acme) -> None:
    review = review_of(imported(watched, changed()))
    approve_review(review=review, actor=watched.bob, shown=review.sha256)
    evil = propose_import(workspace=watched.workspace, slug=SLUG, source=jsonio.dumps(SOURCE), actor=SYSTEM)
    document = {**evil.imported.document, "base_urls": {"production": "https://evil.example"}}
    ConnectorProposal.objects.update(packed=pack_manifest(document))
    with pytest.raises(Exception, match="not what is to be published"):
        publish_review(review=review, actor=watched.alice)
    assert ConnectorDocument.objects.get().latest_version == 1


def test_the_review_says_what_breaks_and_what_the_manifest_lacks(watched: Acme) -> None:
    review = review_of(imported(watched, changed()))
    told = [(one.path, one.kind, one.after) for one in changes_of(review, written_base(review))]
    assert ("/actions/send_parcel/params/body/service", "added", "is new and required") in told
    assert not [one for one in told if one[0].startswith("/base_urls")]
    checks = {one.name: one for one in check_rows(review)}
    assert checks["compatibility"].state == "warning"
    assert "actions.send_parcel.params.body.service" in [one.path for one in checks["compatibility"].details]
    assert checks["quality"].details
    assert checks["understood"].state == "passed"


def test_where_it_calls_and_how_it_authenticates_is_never_overlooked(watched: Acme) -> None:
    moved = {**SOURCE, "servers": [{"url": "https://evil.example/v1"}]}
    flow = {"tokenUrl": "https://evil.example/token", "scopes": {}}
    scheme = {"type": "oauth2", "flows": {"clientCredentials": flow}}
    moved["components"] = {**SOURCE["components"], "securitySchemes": {"token": scheme}}
    review = review_of(imported(watched, moved))
    told = jsonio.dumps([(one.path, one.after) for one in changes_of(review, written_base(review))]).decode()
    assert "https://evil.example/token" in told
    assert "https://evil.example" in told.replace("https://evil.example/token", "")


def test_a_first_version_says_what_it_can_do(acme: Acme) -> None:
    acme.rules(connector="steward")
    review = review_of(imported(acme, SOURCE))
    told = {one.path: one.after for one in changes_of(review, None)}
    assert told["/actions/send_parcel"].startswith("POST /parcels")
    assert "https://api.parcelpost.example" in told["/base_urls"]["production"]


def test_returned_then_sent_again(watched: Acme) -> None:
    review = review_of(imported(watched, changed()))
    return_review(review=review, actor=watched.bob, comment="the vendor calls it beta")
    assert ConnectorProposal.objects.count() == 1
    again = review_of(imported(watched, changed()))
    assert (again.id != review.id, is_outdated(again)) == (True, False)
    withdraw_review(review=again, actor=watched.alice)
    assert ImportedConnector.objects.count() == 1


def test_a_newer_import_makes_an_approval_of_the_older_one_worthless(watched: Acme) -> None:
    review = review_of(imported(watched, changed()))
    watched.rules()
    assert imported(watched, {**changed(), "x-more": 1}).version is not None
    watched.rules(connector="steward")
    with pytest.raises(Exception, match="already"):
        approve_review(review=review, actor=watched.bob, shown=review.sha256)


def test_only_an_import_makes_the_draft(watched: Acme) -> None:
    review = review_of(imported(watched, changed()))
    content = {**review.content, "title": "Parcel Post (certified)"}
    with pytest.raises(InvalidInput) as caught:
        apply_document(actor=watched.alice, workspace=watched.workspace, content=content)
    assert [one["code"] for one in caught.value.errors] == ["connector.not_imported"]
    forged = {**review.content, "slug": "never-imported"}
    with pytest.raises(InvalidInput):
        apply_document(actor=SYSTEM, workspace=watched.workspace, content=forged)


def test_a_draft_changed_after_the_approval_needs_a_new_one(watched: Acme) -> None:
    review = review_of(imported(watched, changed()))
    approve_review(review=review, actor=watched.bob, shown=review.sha256)
    document = ConnectorDocument.objects.get()
    document.draft = {**review.content, "domain": "fulfilment"}
    document.save()
    with pytest.raises(ApprovalOutdated):
        publish(document_type="connector", document=document, actor=watched.alice)


def test_keys_and_people_without_the_permission_keep_nothing(acme: Acme) -> None:
    draft = draft_import(workspace=acme.workspace, slug=SLUG, source=jsonio.dumps(SOURCE), actor=acme.alice)
    for missing in ("connectors.edit", "connectors.publish"):
        with pytest.raises(PermissionDenied):
            keep_import(draft=draft, actor=replace(acme.alice, permissions=acme.alice.permissions - {missing}))
    assert not ConnectorDocument.objects.exists()


def test_a_version_ends_with_a_date_and_after_its_last_connection(watched: Acme) -> None:
    place = Environment.objects.create(workspace=watched.workspace, slug="production", name="Production")
    row = create_connection(environment=place, slug="post", connector=SLUG, actor=SYSTEM)
    approve_and_publish(
        review=(found := review_of(imported(watched, changed()))), actor=watched.bob, shown=found.sha256
    )
    first, second = ConnectorVersion.objects.order_by("number")
    deprecate_version(
        version=first,
        actor=watched.bob,
        reason="the vendor ends it",
        sunset_on=now().date() + timedelta(days=30),
        replacement=f"{SLUG}@2",
    )
    assert ImportedConnector.objects.get(number=1).state == "deprecated"
    with pytest.raises(StillUsed, match="connection post in production"):
        retire_version(version=first, actor=watched.bob, reason="over")
    row = update_connection(connection=row, changes={"connector_version": "2.0.0"}, actor=SYSTEM)
    retire_version(version=first, actor=watched.bob, reason="over")
    with pytest.raises(ConnectorVersionRetired):
        update_connection(connection=row, changes={"connector_version": "1.0.0"}, actor=SYSTEM)
    assert connector_in(watched.workspace.id, SLUG, "1.0.0").manifest.version == "1.0.0"
    elsewhere = {"connector": "http", "base_url": "https://example.org", "auth_scheme": "none"}
    update_connection(connection=row, changes=elsewhere, actor=SYSTEM)
    retire_version(version=second, actor=watched.bob, reason="nobody uses it")
    with pytest.raises(ConnectorMissing):
        connector_in(watched.workspace.id, SLUG)
    actions = AuditEntry.objects.filter(subject_type="connector").values_list("action", flat=True)
    assert {"connector.version_deprecated", "connector.version_retired", "connector.published"} <= set(actions)


def test_new_connections_take_the_newest_version_that_nobody_is_warned_off(watched: Acme) -> None:
    approve_and_publish(
        review=(found := review_of(imported(watched, changed()))), actor=watched.bob, shown=found.sha256
    )
    deprecate_version(version=ConnectorVersion.objects.get(number=2), actor=watched.bob, reason="it loses parcels")
    assert connector_in(watched.workspace.id, SLUG).manifest.version == "1.0.0"


def test_what_was_imported_before_there_were_reviews_is_published(acme: Acme) -> None:
    migration = import_module("ipaas.catalog.migrations.0012_connector_versions")
    assert imported(acme, SOURCE).version is not None
    assert imported(acme, changed()).version is not None
    ImportedConnector.objects.update(released=None, slug="older")
    migration.publish_what_is_there(apps, None)
    document = ConnectorDocument.objects.get(slug="older")
    assert document.latest_version == 2
    assert [one.released.number for one in ImportedConnector.objects.order_by("number")] == [1, 2]  # type: ignore[union-attr]
    newest = document.versions.get(number=2)
    assert CONNECTOR_TYPE.validate(newest.content, acme.workspace.id) == []
    assert changes_between_versions(document) == ["/actions/send_parcel/params/body/service"]


def changes_between_versions(document: ConnectorDocument) -> list[str]:
    first, second = (document.versions.get(number=number).content for number in (1, 2))
    found = CONNECTOR_TYPE.changes(first, second, document.workspace_id) if CONNECTOR_TYPE.changes else []
    return [one.path for one in found if one.kind == "added" and "/params/" in one.path]


def test_a_retired_version_can_be_imported_again(acme: Acme) -> None:
    assert imported(acme, SOURCE).version is not None
    retire_version(version=ConnectorVersion.objects.get(), actor=acme.bob, reason="too early")
    again = imported(acme, SOURCE).version
    assert again is not None
    assert again.version == "2.0.0"


def test_a_folder_without_connectors_archives_none(watched: Acme) -> None:
    plan = plan_documents(actor=SYSTEM, workspace=watched.workspace, documents=[], wish=Wish(prune=True))
    assert "connector" not in {one.kind for one in plan}
