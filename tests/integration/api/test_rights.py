"""Every address and verb of the API: with the right, without it, and from another workspace."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client
from django.urls import resolve
from pytest_django import DjangoDbBlocker

from ipaas.accounts.actors import actor_for
from ipaas.accounts.api_keys import create_api_key
from ipaas.accounts.models import Environment, User, Workspace
from ipaas.accounts.roles import ROLES
from ipaas.core.actor import SYSTEM, known_permissions
from ipaas.flows.models import Flow
from ipaas.governance.services import apply_document
from ipaas.web.api import urls
from tests.emptying import empty_database
from tests.factories.people import make_member
from tests.integration.api.conftest import SIMPLE, Api, deploy_simple, make_subjects
from tests.integration.api.table import ALSO_NEEDED, NEW_FLOW, OPEN, TABLE

pytestmark = pytest.mark.django_db
TESTER = "tester@acme.example"


@pytest.fixture(scope="module")
def _in_acme(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[dict[str, Any]]:
    """One of everything, made once for all cases, each of which is rolled back."""
    with django_db_blocker.unblock():
        try:
            acme = Workspace.objects.create(slug="acme", name="Acme")
            production = Environment.objects.create(workspace=acme, slug="production", name="Production")
            made = make_subjects(acme, deploy_simple(acme, production), production)
            make_member(acme, TESTER, *ROLES)
            connection.close()
            yield made
        finally:
            empty_database()
            connection.close()


@pytest.fixture
def subjects(_in_acme: dict[str, Any], db: None) -> dict[str, Any]:
    return dict(_in_acme)


@pytest.fixture
def acme(_in_acme: dict[str, Any], db: None) -> Workspace:
    return Workspace.objects.get(slug="acme")


def with_rights(workspace: Workspace, *scopes: str) -> Api:
    """A program of somebody with every role in Acme that has, of what they permit, these rights."""
    owner = User.objects.filter(email=TESTER, memberships__workspace=workspace).first()
    maker = actor_for(owner, workspace) if owner is not None else SYSTEM
    made = create_api_key(workspace=workspace, name="test", scopes=sorted(scopes), actor=maker)
    return Api(Client(), Authorization=f"Bearer {made.raw}")


each = pytest.mark.parametrize(
    ("method", "path", "body", "permission", "status"), TABLE, ids=[f"{row[0]} {row[1]}" for row in TABLE]
)


@each
def test_the_permission_suffices(
    acme: Workspace, subjects: dict[str, Any], method: str, path: str, body: Any, permission: str, status: int
) -> None:
    api = with_rights(acme, permission, *(ALSO_NEEDED.get(path, set()) if method != "GET" else set()))
    answer = api.call(method, path.format(**subjects), body)
    assert answer.status_code == status, content_of(answer)


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
        assert b"o-1" not in content_of(answer)
        assert method == "POST" or b"acme" not in content_of(answer)
        return
    nothing = {key: uuid4() if isinstance(value, UUID) else "nothing-here" for key, value in subjects.items()}
    missing = api.call(method, path.format(**nothing), body)
    assert (answer.status_code, missing.status_code) == (404, 404)
    assert told(answer) == told(missing)


def content_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else bytes(answer.content)


def told(answer: Any) -> Any:
    return {key: value for key, value in json.loads(answer.content).items() if key not in {"instance", "trace_id"}}


@each
def test_nobody_in_particular_is_sent_away(
    subjects: dict[str, Any], method: str, path: str, body: Any, permission: str, status: int
) -> None:
    assert Api(Client()).call(method, path.format(**subjects), body).status_code == 401


def test_the_table_names_every_address_and_verb(subjects: dict[str, Any]) -> None:
    routes = {
        (method.upper(), entry.name)
        for entry in urls.urlpatterns
        for method in getattr(entry.callback, "actions", None) or {}
        if method != "head"
    }
    places = {(row[0], row[1].format(**subjects).partition("?")[0]) for row in TABLE}
    tested = {(method, resolve(f"/api/v1/{path}").url_name) for method, path in places}
    assert routes - tested - OPEN == set()
    assert tested - routes == set()


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
        if "{" in path and permission in scopes and not path.startswith("environments"):
            assert api.call(method, path.format(**subjects), body).status_code == 404, path
    assert api.post("flows", {"content": {**SIMPLE, "slug": "third"}}).status_code == 404
    assert api.post("documents/apply", {"content": SIMPLE}).status_code == 404
    assert api.post("documents/apply", {"content": NEW_FLOW}).status_code == 200
    assert not Flow.objects.filter(slug="third").exists()
