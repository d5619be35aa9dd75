"""What the API does and shows."""

import json
from typing import Any

import pytest
from django.test import Client

from ipaas.accounts.api_keys import create_api_key
from ipaas.accounts.models import Environment, ServiceAccount, Workspace
from ipaas.audit.models import AuditEntry
from ipaas.core.actor import SYSTEM
from ipaas.core.ids import uuid7
from ipaas.flows.models import FlowVersion
from ipaas.runtime.models import TriggerState, Work
from ipaas.runtime.rows import HELD_UNTIL
from tests.integration.api.conftest import EVIDENCE, SIMPLE, Api
from tests.integration.api.test_basics import problem

pytestmark = pytest.mark.django_db


def told(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.content
    return json.loads(answer.content)


def test_a_flow_goes_from_draft_to_run(alice: Api, production: Environment) -> None:
    text = json.dumps(SIMPLE)
    assert told(alice.post("flows", {"text": text}), 201)["draft_revision"] == 1
    problem(alice.post("flows", {"text": text}), 409, "conflict")
    changed = {"content": {**SIMPLE, "title": "Orders, all"}, "expected_revision": 1}
    assert told(alice.call("PUT", "flows/orders/draft", changed))["draft_revision"] == 2
    problem(alice.call("PUT", "flows/orders/draft", changed), 409, "conflict")
    assert told(alice.post("flows/orders/publish", {"note": "first"}), 201)["number"] == 1
    not_there = {"environment": "staging", "version": 1}
    problem(alice.post("flows/orders/deploy", not_there), 404, "not_found")
    told(alice.post("flows/orders/deploy", {"environment": "production", "version": 1}))
    shown = told(alice.get("flows/orders"))
    assert (shown["title"], shown["deployments"][0]["version"]) == ("Orders, all", 1)
    run = told(alice.post("flows/orders/trigger", {"environment": "production", "body": {"id": "o-7"}}), 202)
    assert (run["flow"], run["environment"], run["business_ids"]) == ("orders", "production", {"order": "o-7"})


def test_a_flow_tells_how_its_clocks_stand_and_what_it_holds(
    alice: Api, production: Environment, deployed: FlowVersion
) -> None:
    shown = told(alice.get("flows/orders"))
    assert (shown["deployments"][0]["clock"], shown["held_runs"]) == (None, 0)
    hourly = {"slug": "hourly", "trigger": {"schedule": {"cron": "0 * * * *"}}, "primary_business_id": "slot"}
    told(
        alice.post(
            "documents/apply", {"content": {**SIMPLE, **hourly, "business_ids": {"slot": "trigger.body.scheduled_at"}}}
        )
    )
    told(alice.post("flows/hourly/deploy", {"environment": "production", "version": 1}))
    TriggerState.objects.update(last_error="not_found: alice@example.com")
    clock = told(alice.get("flows/hourly"))["deployments"][0]["clock"]
    assert (clock["kind"], clock["error"], clock["failing_since"]) == ("schedule", "not_found", None)
    assert clock["next_at"].endswith(":00:00Z")
    told(alice.post("flows/orders/pause", {"reason": "repair"}))
    run = told(alice.post("flows/orders/trigger", {"environment": "production", "body": {"id": "o-7"}}), 409)
    assert "paused" in run["detail"]
    Work.objects.create(
        id=uuid7(), kind=Work.Kind.RUN, lane=1, workspace_id=production.workspace_id,
        group_id=deployed.document_id, due_at=HELD_UNTIL,
    )  # fmt: skip
    assert told(alice.get("flows/orders"))["held_runs"] == 1


def test_a_draft_keeps_its_slug_and_its_kind(alice: Api, subjects: dict[str, Any]) -> None:
    renamed = {"content": {**SIMPLE, "slug": "other"}, "expected_revision": 1}
    problem(alice.call("PUT", "flows/orders/draft", renamed), 422, "invalid_input")
    problem(alice.post("schemas", {"content": {**SIMPLE, "slug": "other"}}), 422, "invalid_input")


def test_findings_of_yaml_name_the_line(alice: Api) -> None:
    found = told(alice.post("documents/validate", {"text": "kind: flow\nslug: orders\nsteps: 3\n"}))["findings"]
    assert {one["path"]: one["line"] for one in found}["/steps"] == 3


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 1),
        ("status=dead", 1),
        ("status=succeeded", 0),
        ("flow=orders&environment=production", 1),
        ("flow=other", 0),
        ("environment=other", 0),
        ("business_id=o-1", 1),
        ("business_id=o-2", 0),
        ("error_class=business_rejection", 1),
        ("error_class=timeout", 0),
        ("since=2020-01-01T00:00:00Z", 1),
        ("until=2020-01-01T00:00:00Z", 0),
    ],
)
def test_runs_are_found_by_what_is_known_of_them(alice: Api, subjects: dict[str, Any], query: str, found: int) -> None:
    assert len(told(alice.get(f"runs?{query}"))["items"]) == found


def test_a_run_shows_its_steps_and_no_payload(alice: Api, deployed: FlowVersion, subjects: dict[str, Any]) -> None:
    body = {"environment": "production", "body": {"id": "o-3", "iban": "DE02120300000000202051"}}
    run = told(alice.post("flows/orders/trigger", body), 202)
    assert "DE0212" not in alice.get(f"runs/{run['id']}").content.decode()
    steps = told(alice.get(f"runs/{subjects['run']}"))["steps"]["items"]
    assert [(step["path"], step["error"]["code"], step["attempts"]) for step in steps] == [("note", "no_stock", [])]
    assert told(alice.get(f"runs/{subjects['run']}/steps?cursor=1"))["items"] == []


def test_dead_letters_are_grouped_by_cause(alice: Api, subjects: dict[str, Any]) -> None:
    (group,) = told(alice.get("dead-letters/groups"))["items"]
    assert (group["cause"], group["count"], group["flows"]) == ("note: no_stock", 1, ["orders"])
    assert group["newest_id"] == str(subjects["letter"])
    assert told(alice.get("dead-letters/groups?state=replayed"))["items"] == []


def test_of_two_decisions_the_first_wins(alice: Api, subjects: dict[str, Any]) -> None:
    address = f"approvals/{subjects['approval']}/decide"
    problem(alice.post(address, {"decision": "approved", "evidence_sha256": "b" * 64}), 409, "conflict")
    assert told(alice.post(address, {"decision": "rejected", "evidence_sha256": EVIDENCE}))["state"] == "rejected"
    problem(alice.post(address, {"decision": "approved", "evidence_sha256": EVIDENCE}), 409, "conflict")


def test_a_service_account_with_the_role_decides(acme: Workspace, subjects: dict[str, Any]) -> None:
    robot = ServiceAccount.objects.get(workspace=acme, slug="robot")
    made = create_api_key(workspace=acme, name="r", scopes=["approvals.decide"], service_account=robot, actor=SYSTEM)
    api = Api(Client(), Authorization=f"Bearer {made.raw}")
    decision = {"decision": "approved", "evidence_sha256": EVIDENCE}
    assert told(api.post(f"approvals/{subjects['approval']}/decide", decision))["state"] == "approved"


def test_variables_are_shown_to_those_who_see_settings(alice: Api, bob: Api, production: Environment) -> None:
    assert told(alice.get("environments"))["items"][0]["variables"] is None
    assert told(bob.get("environments"))["items"][0]["variables"] == {"rate": 3}


def test_the_audit_trail_says_who_did_what(alice: Api, bob: Api, deployed: FlowVersion) -> None:
    told(alice.post("flows/orders/pause", {"reason": "stocktaking"}, **{"X-Request-ID": "req-9"}))
    (entry,) = told(bob.get("audit/entries?action=flow.paused&who=alice"))["items"]
    assert (entry["actor_label"], entry["correlation_id"]) == ("alice@example.com", "req-9")
    problem(bob.get("audit/entries?colour=red"), 422, "invalid_input")
    problem(alice.get("audit/entries"), 403, "permission_denied")


def test_an_endpoint_is_signed_unless_an_administrator_says_otherwise(
    alice: Api, production: Environment, acme: Workspace
) -> None:
    endpoint = {"environment": "production", "slug": "in", "title": "In"}
    problem(alice.post("endpoints", {**endpoint, "signature_required": False}), 403, "permission_denied")
    refused = problem(alice.post("endpoints", endpoint), 422, "invalid_input")
    assert [one["code"] for one in refused["errors"]] == ["secret.missing"]
    odd = {**endpoint, "signature": {"scheme": "rot13"}, "secret_slug": "nothing"}
    refused = problem(alice.post("endpoints", odd), 422, "invalid_input")
    assert [one["code"] for one in refused["errors"]] == ["signature.form", "secret.unknown"]
    assert not AuditEntry.objects.filter(action="endpoint.created").exists()
