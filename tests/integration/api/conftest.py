"""Alice builds and runs in Acme, Bob audits there, Charlie is an administrator of another workspace."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from ipaas.accounts.models import Environment, Membership, User, Workspace
from ipaas.accounts.services import add_member, assign_flow_role, create_api_key, create_service_account, invite_member
from ipaas.audit.models import AuditJob
from ipaas.catalog import gateway
from ipaas.catalog.connecting import create_share_link
from ipaas.catalog.gateway import GatewayOutcome
from ipaas.catalog.imports import draft_import
from ipaas.catalog.models import Connection, Revocation
from ipaas.catalog.revocations import await_revocation
from ipaas.catalog.services import create_connection
from ipaas.core import jsonio
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.core.ids import uuid7
from ipaas.events.arrivals import note_aad
from ipaas.events.models import ArrivalNote, Receipt
from ipaas.events.sealing import receipt_aad
from ipaas.events.services import create_endpoint
from ipaas.flows.models import Flow, FlowVersion
from ipaas.governance import services
from ipaas.governance.reviews import request_review
from ipaas.governance.services import apply_document
from ipaas.mapping.models import Mapping
from ipaas.notices.services import create_webhook
from ipaas.ownership.services import create_domain
from ipaas.runtime.bulk import start_bulk_job
from ipaas.runtime.models import Approval, DeadLetter, Run, SavedFilter, StepRun, Work
from ipaas.runtime.pauses import approval_aad
from ipaas.runtime.services import trigger_flow
from ipaas.vault.models import Secret
from ipaas.vault.payloads import sealer_for
from ipaas.vault.services import create_secret
from tests.factories.descriptions import SOURCE, changed, import_connector
from tests.factories.flow_documents import (
    contract,
    convention,
    event_type,
    flow,
    function,
    lookup,
    mapping,
    schema,
    term,
)

SIMPLE = flow(steps=[{"id": "note", "map": {"fields": {"order": "trigger.body.id"}}}])
"""A flow that calls nobody."""
EVIDENCE = "a" * 64
TESTER = "tester@acme.example"
"""A member of Acme with every role, of the matrices."""


class Api:
    """Calls the API as a signed-in person or with a key; answers are (status, body)."""

    def __init__(self, client: Client, **headers: str) -> None:
        self.client, self.headers = client, headers

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        data = body if isinstance(body, str | bytes) else json.dumps(body) if body is not None else ""
        return self.client.generic(
            method, f"/api/v1/{path}", data, content_type="application/json", headers={**self.headers, **headers}
        )

    def get(self, path: str, **headers: str) -> Any:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("POST", path, {} if body is None else body, **headers)


@pytest.fixture
def acme(db: None) -> Workspace:
    return Workspace.objects.create(slug="acme", name="Acme")


@pytest.fixture
def globex(db: None) -> Workspace:
    return Workspace.objects.create(slug="globex", name="Globex")


@pytest.fixture
def production(acme: Workspace) -> Environment:
    return Environment.objects.create(workspace=acme, slug="production", name="Production", variables={"rate": 3})


@pytest.fixture
def person() -> Callable[..., Api]:
    def make(workspace: Workspace, name: str, *roles: str) -> Api:
        user = User.objects.create_user(f"{name}@example.com", None, name=name.title())
        Membership.objects.create(user=user, workspace=workspace, roles=list(roles))
        client = Client()
        client.force_login(user)
        return Api(client)

    return make


@pytest.fixture
def alice(acme: Workspace, person: Callable[..., Api]) -> Api:
    return person(acme, "alice", "builder", "operator", "approver")


@pytest.fixture
def bob(acme: Workspace, person: Callable[..., Api]) -> Api:
    return person(acme, "bob", "auditor")


@pytest.fixture
def charlie(globex: Workspace, person: Callable[..., Api]) -> Api:
    return person(globex, "charlie", "admin")


@pytest.fixture
def deployed(acme: Workspace, production: Environment) -> FlowVersion:
    return deploy_simple(acme, production)


def deploy_simple(acme: Workspace, production: Environment) -> FlowVersion:
    version = services.apply_document(actor=SYSTEM, workspace=acme, content=SIMPLE).version
    assert isinstance(version, FlowVersion)
    services.deploy(flow=version.document, environment=production, version=version, actor=SYSTEM)
    return version


@pytest.fixture
def subjects(acme: Workspace, deployed: FlowVersion, production: Environment) -> dict[str, Any]:
    return make_subjects(acme, deployed, production)


def make_subjects(acme: Workspace, deployed: FlowVersion, production: Environment) -> dict[str, Any]:
    """One of everything in Acme: a run stopped at its step, its dead letter, an approval."""
    named = (lookup(slug="order-row"), function(slug="order-row"), term(), convention())
    for content in (schema(), mapping(), contract(slug="order"), event_type(), *named):
        apply_document(actor=SYSTEM, workspace=acme, content=content)
    run = trigger_flow(actor=SYSTEM, flow=deployed.document, environment=production, body={"id": "o-1"})
    failed = {"error_class": "business_rejection", "error_code": "no_stock", "error_message": "Nothing left."}
    Run.objects.filter(id=run.id).update(status="dead", abnormal="dead", error_step="note", **failed)
    Work.objects.filter(id=run.id).delete()
    StepRun.objects.create(
        run_id=run.id, seq=1, path="note", item="", kind="map", status="failed", compensates=False, attempts=0,
        started_at=deployed.published_at, **failed,
    )  # fmt: skip
    common = {"workspace_id": acme.id, "run_id": run.id, "flow_id": deployed.document_id}
    letter = DeadLetter.objects.create(
        **common, environment_id=production.id, cause="note: no_stock", step="note", business_key="o-1", **failed
    )
    aad = approval_aad(run.id, 9)
    evidence = sealer_for(acme.id).seal(json.dumps({"order": "o-1", "api_key": "k-secret-1"}).encode(), aad)
    approval = Approval.objects.create(
        **common, seq=9, title="Ship?", role="approver", evidence=evidence, evidence_sha256=EVIDENCE,
        expires_at=deployed.published_at.replace(year=2100),
    )  # fmt: skip
    apply_document(actor=SYSTEM, workspace=acme, content=mapping(slug="reviewed-row"), publish_it=False)
    review = request_review(document=Mapping.objects.get(workspace=acme, slug="reviewed-row"), actor=SYSTEM)
    create_domain(workspace=acme, actor=SYSTEM, slug="sales", title="Sales")
    ids = {"run": run.id, "letter": letter.id, "approval": approval.id, "review": review.id}
    return {
        "flow": "orders",
        "schema": "order",
        "mapping": "order-row",
        "domain": "sales",
        "sha256": review.sha256,
        "lookup": "order-row",
        "term": "order-number",
        "convention": "field-names",
        "function": "order-row",
        "contract": "order",
        "event_type": "order-shipped",
        **ids,
        **outside(production),
        **imported(acme),
        **people(acme),
        **with_steward(deployed.document),
    }


def outside(production: Environment) -> dict[str, Any]:
    """A secret that an endpoint uses, that endpoint, a delivery to it, a connection, a bulk job."""
    acme = production.workspace
    acme.settings = {"egress_allow": ["127.0.0.1:9"]}
    acme.save()
    secret = create_secret(
        workspace=acme, slug="shop-signing", fields={"signing_secret": "s3same"}, actor=SYSTEM, kind="signing"
    )
    endpoint = create_endpoint(actor=SYSTEM, environment=production, slug="shop", title="Shop", secret_slug=secret.slug)
    connection = create_connection(
        environment=production, slug="payments", connector="payments", actor=SYSTEM, base_url="http://127.0.0.1:9"
    )
    receipt_id, sealer = uuid7(), sealer_for(acme.id)
    receipt = Receipt.objects.create(
        id=receipt_id, workspace_id=acme.id, endpoint_id=endpoint.id, event="order.created", state="unmatched",
        body_sha256=b"0" * 32, trace_id="t",
        sealed=sealer.seal(b'{"headers": {}, "body": {"id": "o-1"}}', receipt_aad(receipt_id)),
    )  # fmt: skip
    arrival_id = uuid7()
    arrival = ArrivalNote.objects.create(
        id=arrival_id, workspace_id=acme.id, endpoint=endpoint, verdict="refused", status=401, code="signature_invalid",
        method="POST", size=2, sealed=sealer.seal(b'{"headers": {}, "body": {}}', note_aad(arrival_id)),
    )  # fmt: skip
    job = start_bulk_job(
        actor=SYSTEM, workspace=acme, deed="cancel", filter={}, rate_per_s=1, options={"reason": "over"}
    )
    return {
        "secret": secret.slug,
        "endpoint": endpoint.id,
        "connection": connection.id,
        "share": create_share_link(connection=connection, actor=SYSTEM).link.id,
        "revocation": awaited(connection).id,
        "receipt": receipt.id,
        "arrival": arrival.id,
        "job": job.id,
        "audit_job": AuditJob.objects.create(workspace_id=acme.id, kind="verify", started_by="somebody").id,
        "filter": SavedFilter.objects.create(
            workspace_id=acme.id,
            owner_id="somebody",
            owner_label="somebody",
            name="Stuck",
            query="status=dead",
            shared=True,
        ).id,
        "environment": Environment.objects.create(workspace=acme, slug="berlin", name="Berlin").slug,
        **told_outside(acme),
    }


def awaited(connection: Connection) -> Revocation:
    """A key that is to be ended at a vendor that does not answer."""
    secret = Secret.objects.filter(workspace_id=connection.workspace_id).first()
    assert secret is not None
    await_revocation(connection, "find_charge", b"{}", secret=secret, due_at=now())
    return connection.revocations.get()


def imported(acme: Workspace) -> dict[str, Any]:
    """A connector made of a description, and a later description of it that somebody looks at."""
    given: dict[str, Any] = {"workspace": acme, "slug": "parcel-post", "actor": SYSTEM}
    made = import_connector(source=jsonio.dumps(SOURCE), **given)
    return {"imported": made.slug, "draft": draft_import(source=jsonio.dumps(changed()), **given).id}


def told_outside(acme: Workspace) -> dict[str, Any]:
    """A webhook and a delivery of it that failed."""
    webhook = create_webhook(
        actor=SYSTEM,
        workspace=acme,
        slug="pager",
        title="Pager",
        url="http://127.0.0.1:9/x",
        events=["ipaas.flow.paused"],
    ).webhook
    delivery = webhook.deliveries.create(
        workspace_id=acme.id, event_id=uuid7(), event_type="ipaas.flow.paused", state="failed"
    )
    return {"webhook": webhook.id, "delivery": delivery.id}


def people(acme: Workspace) -> dict[str, Any]:
    member = add_member(workspace=acme, email="eve@example.com", roles=["approver"], actor=SYSTEM, name="Eve")
    account = create_service_account(workspace=acme, slug="robot", name="Robot", roles=["approver"], actor=SYSTEM)
    key = create_api_key(workspace=acme, name="robot", scopes=["apikeys.manage"], actor=SYSTEM).key
    invited = invite_member(workspace=acme, email="gil@example.com", roles=["approver"], actor=SYSTEM).invitation
    return {"member": member.id, "account": account.slug, "key": key.id, "invitation": invited.id}


def with_steward(flow: Flow) -> dict[str, Any]:
    """Hal looks after the flow."""
    add_member(workspace=flow.workspace, email="hal@example.com", roles=["approver"], actor=SYSTEM, name="Hal")
    made = assign_flow_role(flow=flow, email="hal@example.com", role="steward", actor=SYSTEM)
    return {"steward": made.membership.user.email}


@pytest.fixture(autouse=True)
def _no_vendor_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway has its own tests; here every vendor says yes."""

    def yes(_make: Any) -> GatewayOutcome:
        return GatewayOutcome(kind="ok", status=200, duration_ms=1.5)

    monkeypatch.setattr(gateway, "run_to_end", yes)
    monkeypatch.setattr("ipaas.events.redelivery._inner_address", lambda _: "http://127.0.0.1:9/hooks/x")
