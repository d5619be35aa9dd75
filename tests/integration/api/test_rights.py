"""Every address and verb of the API: with the right, without it, and from another workspace."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client

from ipaas.accounts.api_keys import create_api_key
from ipaas.accounts.models import Environment, Workspace
from ipaas.core.actor import SYSTEM, known_permissions
from ipaas.flows.models import Flow
from ipaas.governance.services import apply_document
from ipaas.web.api import urls
from tests.factories.flow_documents import mapping, schema
from tests.integration.api.conftest import EVIDENCE, SIMPLE, Api

pytestmark = pytest.mark.django_db

NEW_FLOW = {**SIMPLE, "slug": "returns"}
REASON = {"reason": "a supplier asked"}

TABLE: list[tuple[str, str, Any, str, int]] = [
    ("GET", "flows", None, "flows.view", 200),
    ("POST", "flows", {"content": NEW_FLOW}, "flows.edit", 201),
    ("GET", "flows/{flow}", None, "flows.view", 200),
    ("PUT", "flows/{flow}/draft", {"content": SIMPLE, "expected_revision": 1}, "flows.edit", 200),
    ("POST", "flows/{flow}/publish", {}, "flows.publish", 201),
    ("GET", "flows/{flow}/versions", None, "flows.view", 200),
    ("GET", "flows/{flow}/versions/1", None, "flows.view", 200),
    ("POST", "flows/{flow}/deploy", {"environment": "production", "version": 1}, "flows.publish", 200),
    ("POST", "flows/{flow}/pause", REASON, "flows.pause", 200),
    ("POST", "flows/{flow}/resume", {}, "flows.pause", 409),
    ("POST", "flows/{flow}/trigger", {"environment": "production", "body": {"id": "1"}}, "flows.trigger", 202),
    ("GET", "schemas", None, "schemas.view", 200),
    ("POST", "schemas", {"content": schema(slug="parcel")}, "schemas.edit", 201),
    ("GET", "schemas/{schema}", None, "schemas.view", 200),
    ("PUT", "schemas/{schema}/draft", {"content": schema(), "expected_revision": 1}, "schemas.edit", 200),
    ("POST", "schemas/{schema}/publish", {}, "schemas.publish", 201),
    ("GET", "schemas/{schema}/versions", None, "schemas.view", 200),
    ("GET", "schemas/{schema}/versions/1", None, "schemas.view", 200),
    ("GET", "mappings", None, "mappings.view", 200),
    ("POST", "mappings", {"content": mapping(slug="parcel-row")}, "mappings.edit", 201),
    ("GET", "mappings/{mapping}", None, "mappings.view", 200),
    ("PUT", "mappings/{mapping}/draft", {"content": mapping(), "expected_revision": 1}, "mappings.edit", 200),
    ("POST", "mappings/{mapping}/publish", {}, "mappings.publish", 201),
    ("GET", "mappings/{mapping}/versions", None, "mappings.view", 200),
    ("GET", "mappings/{mapping}/versions/1", None, "mappings.view", 200),
    ("POST", "documents/validate", {"content": SIMPLE}, "flows.view", 200),
    ("POST", "documents/apply", {"content": schema(), "publish": False}, "schemas.edit", 200),
    ("GET", "runs", None, "runs.view", 200),
    ("GET", "runs/{run}", None, "runs.view", 200),
    ("GET", "runs/{run}/steps", None, "runs.view", 200),
    ("POST", "runs/{run}/cancel", REASON, "runs.cancel", 409),
    ("POST", "runs/{run}/resume", {}, "runs.resume", 200),
    ("POST", "runs/{run}/skip", REASON, "runs.skip", 200),
    ("POST", "runs/{run}/settle", {**REASON, "step": "note", "happened": False}, "runs.resume", 404),
    ("GET", "dead-letters", None, "deadletters.view", 200),
    ("GET", "dead-letters/groups", None, "deadletters.view", 200),
    ("GET", "dead-letters/{letter}", None, "deadletters.view", 200),
    ("GET", "approvals", None, "approvals.view", 200),
    ("GET", "approvals/{approval}", None, "approvals.view", 200),
    (
        "POST",
        "approvals/{approval}/decide",
        {"decision": "approved", "evidence_sha256": EVIDENCE},
        "approvals.decide",
        200,
    ),
    ("GET", "environments", None, "flows.view", 200),
    ("POST", "environments", {"slug": "staging", "name": "Staging", "variables": {"rate": 1.5}}, "settings.edit", 201),
    ("GET", "endpoints", None, "connections.view", 200),
    (
        "POST",
        "endpoints",
        {"environment": "production", "slug": "in", "title": "In", "signature_required": False},
        "connections.edit",
        201,
    ),
    ("GET", "audit/entries", None, "audit.view", 200),
]
ALSO_NEEDED = {"endpoints": {"settings.edit"}, "documents/apply": {"schemas.view"}}
OPEN = {("GET", "me"), ("GET", "schema")}


def with_rights(workspace: Workspace, *scopes: str) -> Api:
    made = create_api_key(workspace=workspace, name="test", scopes=sorted(scopes), actor=SYSTEM)
    return Api(Client(), Authorization=f"Bearer {made.raw}")


each = pytest.mark.parametrize(
    ("method", "path", "body", "permission", "status"), TABLE, ids=[f"{row[0]} {row[1]}" for row in TABLE]
)


@each
def test_the_permission_suffices(
    acme: Workspace, subjects: dict[str, Any], method: str, path: str, body: Any, permission: str, status: int
) -> None:
    api = with_rights(acme, permission, *(ALSO_NEEDED.get(path, set()) if method == "POST" else set()))
    answer = api.call(method, path.format(**subjects), body)
    assert answer.status_code == status, answer.content


@each
def test_without_the_permission_it_is_refused(
    acme: Workspace, subjects: dict[str, Any], method: str, path: str, body: Any, permission: str, status: int
) -> None:
    api = with_rights(acme, *(set(known_permissions()) - {permission}))
    assert api.call(method, path.format(**subjects), body).status_code == 403


@each
def test_what_is_foreign_answers_like_what_is_missing(
    globex: Workspace, subjects: dict[str, Any], method: str, path: str, body: Any, permission: str, status: int
) -> None:
    Environment.objects.create(workspace=globex, slug="production", name="Production")
    api = with_rights(globex, *known_permissions())
    answer = api.call(method, path.format(**subjects), body)
    if "{" not in path:
        assert b"o-1" not in answer.content
        assert method == "POST" or b"acme" not in answer.content
        return
    nothing = {key: uuid4() if isinstance(value, UUID) else "nothing-here" for key, value in subjects.items()}
    missing = api.call(method, path.format(**nothing), body)
    assert (answer.status_code, missing.status_code) == (404, 404)
    assert told(answer) == told(missing)


def told(answer: Any) -> Any:
    return {key: value for key, value in json.loads(answer.content).items() if key not in {"instance", "trace_id"}}


@each
def test_nobody_in_particular_is_sent_away(
    subjects: dict[str, Any], method: str, path: str, body: Any, permission: str, status: int
) -> None:
    assert Api(Client()).call(method, path.format(**subjects), body).status_code == 401


def routes() -> Iterator[tuple[str, str]]:
    for entry in urls.urlpatterns:
        pattern = str(entry.pattern)
        actions = getattr(entry.callback, "actions", None)
        if actions:
            yield from ((method.upper(), pattern) for method in actions if method != "head")


def test_the_table_names_every_address_and_verb(subjects: dict[str, Any]) -> None:
    tested = {(method, path.count("/"), path.split("/")[0], path.split("/")[-1]) for method, path, *_ in TABLE}
    for method, pattern in routes():
        parts = pattern.split("/")
        if (method, pattern) in OPEN:
            continue
        last = {"<int:number>": "1"}.get(parts[-1], parts[-1])
        found = any(
            (method, len(parts) - 1, parts[0]) == row[:3] and (row[3] == last or (last[0] == "<" and row[3][0] == "{"))
            for row in tested
        )
        assert found, f"{method} {pattern} is not in the table"


def test_a_key_bound_to_flows_sees_and_touches_no_other(acme: Workspace, subjects: dict[str, Any]) -> None:
    other = apply_document(actor=SYSTEM, workspace=acme, content=NEW_FLOW).document
    scopes = [
        name for name in known_permissions() if name.split(".")[0] in {"flows", "runs", "deadletters", "approvals"}
    ]
    made = create_api_key(workspace=acme, name="bound", scopes=scopes, flows=[other.id], actor=SYSTEM)
    api = Api(Client(), Authorization=f"Bearer {made.raw}")
    assert [row["slug"] for row in json.loads(api.get("flows").content)["items"]] == ["returns"]
    for address in ("runs", "dead-letters", "dead-letters/groups", "approvals"):
        assert json.loads(api.get(address).content)["items"] == []
    for method, path, body, permission, _ in TABLE:
        if "{" in path and permission in scopes:
            assert api.call(method, path.format(**subjects), body).status_code == 404, path
    assert api.post("flows", {"content": {**SIMPLE, "slug": "third"}}).status_code == 404
    assert api.post("documents/apply", {"content": SIMPLE}).status_code == 404
    assert api.post("documents/apply", {"content": NEW_FLOW}).status_code == 200
    assert not Flow.objects.filter(slug="third").exists()
