"""Nothing secret or classified leaves by the API, whichever address is asked."""

import json
from typing import Any

import pytest
from django.test import Client

from ipaas.accounts.models import Environment, KeptAnswer, Workspace
from ipaas.accounts.services import create_api_key
from ipaas.core.actor import SYSTEM, known_permissions
from ipaas.flows.models import FlowVersion
from ipaas.runtime.models import DeadLetter, Run, StepRun
from ipaas.runtime.services import trigger_flow
from ipaas.vault.services import create_secret
from tests.integration.api.conftest import Api
from tests.integration.api.table import TABLE
from tests.integration.api.test_deeds import told

pytestmark = pytest.mark.django_db
SECRET = "vault-value-91c3e0"
PASSWORD = "correct-horse-7781"


@pytest.fixture
def admin(acme: Workspace) -> Api:
    made = create_api_key(workspace=acme, name="all", scopes=sorted(known_permissions()), actor=SYSTEM)
    return Api(Client(), Authorization=f"Bearer {made.raw}")


@pytest.fixture
def leaky(acme: Workspace, deployed: FlowVersion, production: Environment, subjects: dict[str, Any]) -> Run:
    """A run whose input and messages hold a value of the vault and a password."""
    create_secret(workspace=acme, slug="payments-key", fields={"token": SECRET}, actor=SYSTEM)
    body = {"id": "o-2", "password": PASSWORD, "note": f"token is {SECRET}"}
    run = trigger_flow(actor=SYSTEM, flow=deployed.document, environment=production, body=body)
    failed = {"error_class": "auth", "error_code": "denied", "error_message": f"{SECRET} was refused"}
    Run.objects.filter(id=run.id).update(status="dead", abnormal="dead", error_step="note", **failed)
    StepRun.objects.create(
        run_id=run.id, seq=1, path="note", item="", kind="map", status="failed", compensates=False, attempts=0,
        started_at=deployed.published_at, **failed,
    )  # fmt: skip
    DeadLetter.objects.create(
        workspace_id=acme.id, run_id=run.id, flow_id=run.flow_id, environment_id=production.id, cause="note: denied",
        step="note", business_key="o-2", **failed,
    )  # fmt: skip
    return run


def test_values_are_shown_redacted(admin: Api, leaky: Run) -> None:
    shown = told(admin.get(f"runs/{leaky.id}/values"))
    assert shown["kept"] is True
    assert shown["input"]["body"]["id"] == "o-2"
    assert PASSWORD not in json.dumps(shown)
    assert SECRET not in json.dumps(shown)
    step = told(admin.get(f"runs/{leaky.id}/values?seq=1"))
    assert step["attempts"] == []
    assert admin.get(f"runs/{leaky.id}/values?seq=99").status_code == 404


def test_evidence_is_shown_redacted(admin: Api, subjects: dict[str, Any]) -> None:
    evidence = told(admin.get(f"approvals/{subjects['approval']}"))["evidence"]
    assert evidence["order"] == "o-1"
    assert "k-secret-1" not in json.dumps(evidence)


def test_no_address_that_reads_lets_a_secret_out(admin: Api, leaky: Run, subjects: dict[str, Any]) -> None:
    subjects = {**subjects, "run": leaky.id, "letter": DeadLetter.objects.get(run_id=leaky.id).id}
    subjects["secret"] = "payments-key"
    asked = 0
    for method, path, *_ in TABLE:
        if method == "GET":
            answer = admin.get(path.format(**subjects))
            content = b"".join(answer.streaming_content) if answer.streaming else answer.content
            assert SECRET.encode() not in content, path
            assert PASSWORD.encode() not in content, path
            asked += 1
    assert asked > 30


def test_values_of_secrets_go_in_and_never_come_out(admin: Api) -> None:
    given = {"slug": "crm-key", "values": {"token": SECRET}}
    answers = [admin.post("secrets", given, **{"Idempotency-Key": "s1"}) for _ in range(2)]
    answers.append(admin.post("secrets/crm-key/versions", {"values": {"token": SECRET}}))
    answers.append(admin.post("secrets", given))
    assert [answer.status_code for answer in answers] == [201, 201, 201, 409]
    assert all(SECRET.encode() not in answer.content for answer in answers)


def test_a_new_key_is_shown_once_and_not_kept(admin: Api) -> None:
    given = {"name": "ci", "scopes": ["runs.view"]}
    first = told(admin.post("api-keys", given, **{"Idempotency-Key": "k1"}), 201)
    again = told(admin.post("api-keys", given, **{"Idempotency-Key": "k1"}), 201)
    assert first["key"].startswith("ipk_")
    assert again == {**first, "key": None}
    assert all(first["key"].encode() not in bytes(kept.body) for kept in KeptAnswer.objects.all())
    assert Api(Client(), Authorization=f"Bearer {first['key']}").get("runs").status_code == 200
