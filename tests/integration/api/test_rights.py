"""Every address and verb of the API: with the right, without it, by role, and from another workspace.

A matrix is one case: it signs in once per role and undoes what each request did.
"""

import json
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import resolve

from ipaas.accounts.actors import actor_for
from ipaas.accounts.api_keys import create_api_key
from ipaas.accounts.models import Environment, User, Workspace
from ipaas.accounts.roles import ROLES
from ipaas.core.actor import SYSTEM, known_permissions
from ipaas.flows.models import Flow
from ipaas.governance.services import apply_document
from ipaas.vault import break_glass
from ipaas.web.api import urls
from tests.factories.people import make_member
from tests.integration.api.conftest import SIMPLE, TESTER, Api
from tests.integration.api.once import acme, in_acme, subjects, undone
from tests.integration.api.table import ALSO_NEEDED, NEW_FLOW, OPEN, TABLE, Row

__all__ = ["acme", "in_acme", "subjects"]
pytestmark = pytest.mark.django_db


def with_rights(workspace: Workspace, *scopes: str) -> Api:
    """A program of somebody with every role in Acme that has, of what they permit, these rights."""
    owner = User.objects.filter(email=TESTER, memberships__workspace=workspace).first()
    maker = actor_for(owner, workspace) if owner is not None else SYSTEM
    made = create_api_key(workspace=workspace, name="test", scopes=sorted(scopes), actor=maker)
    return Api(Client(), Authorization=f"Bearer {made.raw}")


def asked(api: Api, row: Row, names: dict[str, Any]) -> Any:
    """The answer to a row of the table; whatever it did is undone."""
    method, path, body, _, _ = row
    with undone():
        answer = api.call(method, path.format(**names), body)
        vars(answer)["whole"] = content_of(answer)
    return answer


def test_the_permission_suffices(acme: Workspace, subjects: dict[str, Any]) -> None:
    wrong = []
    for row in TABLE:
        method, path, _, permission, status = row
        more = ALSO_NEEDED.get(path, set()) if method != "GET" else set()
        with undone():
            answer = asked(with_rights(acme, permission, *more), row, subjects)
        if answer.status_code != status:
            wrong.append((method, path, answer.status_code, answer.whole))
    assert wrong == []


OF_THE_FLOWS_OWN_ROLE = {"approvals/{approval}/decide", "approvals/{approval}/delegate"}
"""Whoever may decide at all may decide only what the flow asks of their role; it asks approvers here."""
OF_STEWARDS = {"reviews/{review}/approve", "reviews/{review}/return"}
"""Where a steward is asked, a builder is no second person."""


def test_without_the_permission_it_is_refused(acme: Workspace, subjects: dict[str, Any]) -> None:
    wrong = []
    for permission in sorted({row[3] for row in TABLE}):
        with undone():
            api = with_rights(acme, *(set(known_permissions()) - {permission}))
            rows = [row for row in TABLE if row[3] == permission]
            wrong += [row[:2] for row in rows if asked(api, row, subjects).status_code != 403]
    assert wrong == []


@pytest.mark.parametrize("role", sorted(ROLES))
def test_each_role_gets_what_it_is_for(
    acme: Workspace, subjects: dict[str, Any], role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(break_glass, "settings", lambda: SimpleNamespace(break_glass=True))
    client = Client()
    client.force_login(make_member(acme, f"{role}@acme.example", role).user)
    api, wrong = Api(client), []
    for row in TABLE:
        status = asked(api, row, subjects).status_code
        if status >= 500 or (status != 403) != (row[3] in ROLES[role]):
            more = ALSO_NEEDED.get(row[1], set())
            asked_of_others = row[1] in OF_THE_FLOWS_OWN_ROLE and role not in ("approver", "admin")
            asked_of_others |= row[1] in OF_STEWARDS and role == "builder"
            if not (status == 403 and (more - ROLES[role] or asked_of_others)):
                wrong.append((*row[:2], status))
    assert wrong == []


def test_what_is_foreign_answers_like_what_is_missing(globex: Workspace, subjects: dict[str, Any]) -> None:
    Environment.objects.create(workspace=globex, slug="production", name="Production")
    api, wrong = with_rights(globex, *known_permissions()), []
    nothing = {key: uuid4() if isinstance(value, UUID) else "nothing-here" for key, value in subjects.items()}
    for row in TABLE:
        foreign = asked(api, row, subjects)
        if "{" not in row[1]:
            shown = b"o-1" in foreign.whole or (row[0] != "POST" and b"acme" in foreign.whole)
            wrong += [(*row[:2], foreign.whole)] if shown else []
            continue
        missing = asked(api, row, nothing)
        if (foreign.status_code, told(foreign)) != (404, told(missing)) or missing.status_code != 404:
            wrong.append((*row[:2], foreign.status_code, missing.status_code))
    assert wrong == []


def content_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else bytes(answer.content)


def told(answer: Any) -> Any:
    of_the_request = {"instance", "trace_id", "request_id"}
    return {key: value for key, value in json.loads(answer.whole).items() if key not in of_the_request}


def test_nobody_in_particular_is_sent_away(subjects: dict[str, Any]) -> None:
    api = Api(Client())
    assert {asked(api, row, subjects).status_code for row in TABLE} == {401}


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
