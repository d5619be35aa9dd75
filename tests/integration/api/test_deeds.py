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
from ipaas.runtime.models import Approval, TriggerState, Work
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
    problem(alice.post(address, {"decision": "rejected", "evidence_sha256": EVIDENCE}), 422, "invalid_input")
    rejected = told(alice.post(address, {"decision": "rejected", "evidence_sha256": EVIDENCE, "reason": "too dear"}))
    assert (rejected["state"], [one["decision"] for one in rejected["decisions"]]) == ("rejected", ["rejected"])
    problem(alice.post(address, {"decision": "approved", "evidence_sha256": EVIDENCE}), 409, "conflict")


def test_the_checklist_is_asked_for_here_too(alice: Api, subjects: dict[str, Any]) -> None:
    Approval.objects.filter(id=subjects["approval"]).update(checklist=["Address read", "Price right"])
    address = f"approvals/{subjects['approval']}/decide"
    body = {"decision": "approved", "evidence_sha256": EVIDENCE}
    found = problem(alice.post(address, {**body, "checked": [0]}), 422, "invalid_input")
    assert [one["path"] for one in found["errors"]] == ["checked"]
    assert told(alice.post(address, {**body, "checked": [0, 1]}))["state"] == "approved"


def test_a_webhook_is_made_with_a_secret_that_is_shown_once(alice: Api, subjects: dict[str, Any]) -> None:
    body = {"slug": "chat", "title": "Chat", "url": "http://127.0.0.1:9/k3y", "events": ["ipaas.run.dead_lettered"]}
    key = {"Idempotency-Key": "once-1"}
    made = told(alice.post("webhooks", body, **key), 201)
    assert made["secret"].startswith("whsec_")
    assert told(alice.post("webhooks", body, **key), 201)["secret"] is None
    assert "secret" not in told(alice.get(f"webhooks/{made['id']}"))
    problem(alice.post("webhooks", body), 409, "conflict")


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"url": "http://example.com/in"}, "url"),
        ({"url": "https://169.254.169.254/latest"}, "url"),
        ({"url": "https://user:pw@example.com/"}, "url"),
        ({"url": "ftp://example.com/"}, "url"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "url"),
        ({"url": "https://example.com:22/"}, "url"),
        ({"events": []}, "events"),
        ({"events": ["ipaas.run.exploded"]}, "events"),
        ({"events": ["ipaas.webhook.test"]}, "events"),
        ({"slug": "-x"}, "slug"),
    ],
)
def test_a_webhook_that_can_not_be_is_refused_with_its_place(
    alice: Api, subjects: dict[str, Any], changes: dict[str, Any], path: str
) -> None:
    body = {"slug": "chat", "title": "Chat", "url": "https://example.com/in", "events": ["ipaas.flow.paused"]}
    found = problem(alice.post("webhooks", {**body, **changes}), 422, "invalid_input")
    assert {one["path"] for one in found["errors"]} == {path}


def test_the_address_of_a_webhook_is_for_those_who_may_change_it(
    alice: Api, bob: Api, subjects: dict[str, Any]
) -> None:
    assert told(alice.get(f"webhooks/{subjects['webhook']}"))["url"] == "http://127.0.0.1:9/x"
    assert told(bob.get(f"webhooks/{subjects['webhook']}"))["url"] == "http://127.0.0.1:9/…"


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


@pytest.mark.parametrize("query", ["flow=other", "environment=other", "version=1", "longer=soon", "saved=Nowhere"])
def test_a_condition_that_can_not_be_met_is_said(alice: Api, subjects: dict[str, Any], query: str) -> None:
    answer = alice.get(f"runs?{query}")
    assert answer.status_code in (404, 422)
    assert answer.status_code == 404 or json.loads(answer.content)["errors"][0]["path"] == query.split("=")[0]
