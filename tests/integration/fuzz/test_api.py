"""The API as its own description says and as it says not: nothing becomes a 500, nothing half-applied remains.

Requests are made by schemathesis from the published OpenAPI document, for every operation, proper and improper ones
in turn; identities are those of things that exist as often as made-up ones. Each is rolled back.
"""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import schemathesis
from django.db import connection, transaction
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from psycopg.pq import TransactionStatus
from requests import PreparedRequest
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core import NotSet
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ipaas.accounts.models import ApiKey, Environment, Membership, Workspace
from ipaas.audit.models import AuditEntry
from ipaas.catalog.models import Connection
from ipaas.contracts.models import SchemaVersion
from ipaas.events.models import Endpoint
from ipaas.flows.models import Deployment, Flow, FlowVersion
from ipaas.mapping.models import MappingVersion
from ipaas.runtime.models import Approval, DeadLetter, Run, Work
from ipaas.vault.models import Secret, SecretVersion
from tests.integration.api.conftest import Api

pytestmark = pytest.mark.django_db

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip
ROLES = ("admin", "auditor", "builder", "operator", "approver", "steward")
WATCHED = (
    AuditEntry, ApiKey, Approval, Connection, DeadLetter, Deployment, Endpoint, Environment, Flow, FlowVersion,
    MappingVersion, Membership, Run, SchemaVersion, Secret, SecretVersion, Work,
)  # fmt: skip


def _operations() -> dict[str, Any]:
    document = SchemaGenerator().get_schema(request=None, public=True)
    schema = schemathesis.openapi.from_dict(json.loads(json.dumps(document, default=str)))
    return {found.ok().label: found.ok() for found in schema.get_all_operations()}


OPERATIONS = _operations()
LABELS = sorted(OPERATIONS)
AREAS = {
    label.split("/")[3]: [other for other in LABELS if other.split("/")[3] == label.split("/")[3]] for label in LABELS
}


def _rows() -> dict[str, int]:
    return {model.__name__: model.objects.count() for model in WATCHED}


def _known(label: str, subjects: dict[str, Any]) -> dict[str, Any]:
    """Identities that exist, for the parameters of an address."""
    plural = label.split("/")[3]
    slugs = {
        "flows": "flow", "schemas": "schema", "mappings": "mapping",
        "lookups": "lookup", "functions": "function", "secrets": "secret", "service-accounts": "account",
        "environments": "environment",
    }  # fmt: skip
    found = {f"{name}_id": str(value) for name, value in subjects.items()}
    return {**found, "slug": subjects[slugs[plural]] if plural in slugs else "payments", "number": 1, "version": 1}


def _send(api: Api, case: Any) -> Any:
    path = case.path.removeprefix("/api/v1/")
    for name, value in (case.path_parameters or {}).items():
        path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
    pairs = [(str(key), item) for key, value in (case.query or {}).items() for item in _many(value)]
    body = b"" if isinstance(case.body, NotSet) else _bytes(case.body)
    headers = {
        str(name): str(value)
        for name, value in (case.headers or {}).items()
        if str(name).lower() not in ("authorization", "content-type", "x-workspace", "cookie")
    }
    kind = case.media_type or "application/json"
    address = f"/api/v1/{path}" + (f"?{urlencode(pairs)}" if pairs else "")
    return api.client.generic(case.method, address, body, content_type=kind, headers=headers)


def _many(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    return json.dumps(value, default=str).encode("utf-8", "surrogatepass")


def _checked(case: Any, answer: Any) -> None:
    kind = answer.headers.get("Content-Type", "")
    assert answer.status_code < 500, (answer.status_code, answer.content[:500])
    if answer.status_code >= 400:
        assert kind == "application/problem+json", (answer.status_code, kind)
        problem = json.loads(answer.content)
        assert (problem["status"], bool(problem["code"])) == (answer.status_code, True)
    request = PreparedRequest()
    request.prepare(method=case.method, url="http://testserver/")
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    headers = {name: [value] for name, value in answer.headers.items()}
    given = Response(answer.status_code, headers, content, request, elapsed=0.0, verify=False)
    case.validate_response(given, checks=CHECKS)


def _fuzz(label: str, api: Api, subjects: dict[str, Any], examples: int) -> None:
    operation, known = OPERATIONS[label], _known(label, subjects)
    cases = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )

    @hypothesis_settings(
        max_examples=examples,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        deadline=None,
        derandomize=True,
        database=None,
    )
    @given(case=cases, exists=st.booleans())
    def ask(case: Any, exists: bool) -> None:
        if exists:
            case.path_parameters = {
                name: known.get(name, value) for name, value in (case.path_parameters or {}).items()
            }
        with transaction.atomic():
            before = _rows()
            answer = _send(api, case)
            broken = connection.connection.info.transaction_status == TransactionStatus.INERROR
            after = before if broken else _rows()  # what was broken off is not applied
            _checked(case, answer)
            transaction.set_rollback(True)
        if answer.status_code >= 400:
            assert after == before

    ask()


@pytest.fixture
def admin(acme: Workspace, person: Callable[..., Api]) -> Api:
    return person(acme, "ada", *ROLES)


@pytest.mark.parametrize("area", AREAS)
def test_operations_take_anything(area: str, admin: Api, subjects: dict[str, Any]) -> None:
    for label in AREAS[area]:
        _fuzz(label, admin, subjects, examples=3)


@pytest.mark.full
@pytest.mark.parametrize("label", LABELS)
def test_an_operation_takes_anything_at_length(label: str, admin: Api, subjects: dict[str, Any]) -> None:
    _fuzz(label, admin, subjects, examples=60)
