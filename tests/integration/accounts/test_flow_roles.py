"""Owners and stewards of single flows: what they may there, and nowhere else."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ipaas.accounts.actors import actor_for
from ipaas.accounts.api_keys import authenticate_api_key, create_api_key
from ipaas.accounts.models import Environment, FlowRole, Membership, Workspace
from ipaas.accounts.roles import FLOW_ROLES, PERMISSIONS
from ipaas.accounts.services import assign_flow_role, withdraw_flow_role
from ipaas.audit.models import AuditEntry
from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.errors import InvalidInput, NotFound, PermissionDenied
from ipaas.flows.models import Flow
from ipaas.flows.services import pause_flow, save_draft
from ipaas.governance.services import apply_document, deploy, publish
from tests.factories.flow_documents import flow as flow_document
from tests.factories.people import make_member

STEPS = [{"id": "note", "map": {"fields": {"order": "trigger.body.id"}}}]


@pytest.fixture
def production(workspace: Workspace) -> Environment:
    return Environment.objects.create(workspace=workspace, slug="production", name="Production")


def made(workspace: Workspace, slug: str) -> Flow:
    content = flow_document(slug=slug, steps=STEPS)
    found: Flow = apply_document(actor=SYSTEM, workspace=workspace, content=content).document
    return found


@pytest.fixture
def orders(workspace: Workspace, production: Environment) -> Flow:
    return made(workspace, "orders")


@pytest.fixture
def returns(workspace: Workspace, production: Environment) -> Flow:
    return made(workspace, "returns")


@pytest.fixture
def dora(workspace: Workspace) -> Membership:
    return make_member(workspace, "dora@example.org", "approver")


def acting(member: Membership) -> Actor:
    return actor_for(member.user, member.workspace)


def test_a_steward_publishes_deploys_and_pauses_that_flow_alone(
    orders: Flow, returns: Flow, dora: Membership, production: Environment, workspace: Workspace, alice: Actor
) -> None:
    assign_flow_role(flow=orders, email="Dora@example.org", role="steward", actor=alice)
    steward = acting(dora)
    changed = flow_document(slug="orders", title="Orders anew", steps=STEPS)
    save_draft(actor=steward, workspace=workspace, content=changed, expected_revision=1)
    version = publish(document_type="flow", document=orders, actor=steward)
    deploy(flow=orders, environment=production, version=version, actor=steward)
    pause_flow(flow=orders, actor=steward, reason="stocktaking")
    apply_document(actor=steward, workspace=workspace, content=changed)

    other = flow_document(slug="returns", title="Returns anew", steps=STEPS)
    for deed in (
        lambda: save_draft(actor=steward, workspace=workspace, content=other),
        lambda: apply_document(actor=steward, workspace=workspace, content=other),
        lambda: save_draft(actor=steward, workspace=workspace, content=flow_document(slug="brand-new", steps=STEPS)),
        lambda: publish(document_type="flow", document=returns, actor=steward),
        lambda: pause_flow(flow=returns, actor=steward, reason="no"),
        lambda: assign_flow_role(flow=orders, email="alice@example.org", role="steward", actor=steward),
    ):
        with pytest.raises(PermissionDenied):
            deed()


def test_an_owner_chooses_stewards_of_the_own_flow(orders: Flow, returns: Flow, dora: Membership, bob: Actor) -> None:
    assign_flow_role(flow=orders, email=dora.user.email, role="owner", actor=SYSTEM)
    owner = acting(dora)
    assign_flow_role(flow=orders, email=bob.label, role="steward", actor=owner)
    with pytest.raises(PermissionDenied):
        assign_flow_role(flow=returns, email=bob.label, role="steward", actor=owner)
    withdraw_flow_role(flow=orders, email=bob.label, actor=owner)
    with pytest.raises(NotFound):
        withdraw_flow_role(flow=orders, email=bob.label, actor=owner)
    actions = AuditEntry.objects.filter(subject_type="flow", action__startswith="flow.role").order_by("id")
    assert [(one.action, one.details["person"]) for one in actions] == [
        ("flow.role_given", dora.user.email), ("flow.role_given", bob.label), ("flow.role_taken", bob.label),
    ]  # fmt: skip


def test_what_can_not_be_assigned(orders: Flow, alice: Actor, bob: Actor, charlie: Actor) -> None:
    for email, role in (("alice@example.org", "emperor"), ("nobody@example.org", "owner"), (charlie.label, "owner")):
        with pytest.raises(InvalidInput):
            assign_flow_role(flow=orders, email=email, role=role, actor=alice)
    with pytest.raises(PermissionDenied):
        assign_flow_role(flow=orders, email=bob.label, role="steward", actor=bob)
    with pytest.raises(NotFound):
        assign_flow_role(flow=orders, email=charlie.label, role="steward", actor=charlie)
    assert not FlowRole.objects.exists()


def test_a_role_of_a_flow_ends_with_the_membership(orders: Flow, dora: Membership) -> None:
    assign_flow_role(flow=orders, email=dora.user.email, role="owner", actor=SYSTEM)
    dora.delete()
    assert not FlowRole.objects.exists()


def test_roles_of_flows_permit_deeds_on_flows_only() -> None:
    granted = frozenset().union(*FLOW_ROLES.values())
    assert {name.partition(".")[0] for name in granted} == {"flows", "reviews"}
    assert granted <= PERMISSIONS.keys()
    assert FLOW_ROLES["steward"] < FLOW_ROLES["owner"]


def test_a_key_has_of_it_what_its_scopes_say(orders: Flow, workspace: Workspace, bob: Actor, alice: Actor) -> None:
    made = create_api_key(workspace=workspace, name="ci", scopes=["flows.pause", "flows.view"], actor=alice)
    made.key.owner_id = bob.id
    made.key.save(update_fields=["owner"])
    Membership.objects.filter(user_id=bob.id).update(roles=["approver"])
    assign_flow_role(flow=orders, email=bob.label, role="owner", actor=SYSTEM)
    actor = authenticate_api_key(made.raw)
    assert actor.on_flows == {orders.id: {"flows.pause"}}
    assert not actor.may("flows.pause")
    pause_flow(flow=orders, actor=actor, reason="stocktaking")


def test_who_acts_is_found_in_one_query(orders: Flow, dora: Membership, workspace: Workspace) -> None:
    assign_flow_role(flow=orders, email=dora.user.email, role="steward", actor=SYSTEM)
    with CaptureQueriesContext(connection) as queries:
        actor = actor_for(dora.user, workspace)
    assert len(queries) == 1
    assert actor.on_flows == {orders.id: FLOW_ROLES["steward"]}


def test_the_pages_follow(orders: Flow, returns: Flow, dora: Membership, alice: Actor) -> None:
    client, admin = Client(), Client()
    client.force_login(dora.user)
    admin.force_login(Membership.objects.get(user_id=alice.id).user)
    place = {one: f"/w/acme/flows/{one}/" for one in ("orders", "returns")}
    assert client.get(f"{place['orders']}edit/").status_code == 403
    admin.post(f"{place['orders']}people/assign/", {"email": dora.user.email, "role": "steward"})

    assert [client.get(f"{place[one]}edit/").status_code for one in place] == [200, 403]
    assert [client.post(f"{place[one]}pause/", {"reason": "x"}).status_code for one in place] == [302, 403]
    assert client.get("/w/acme/flows/-new/").status_code == 403
    assert (
        client.post(f"{place['orders']}people/assign/", {"email": dora.user.email, "role": "owner"}).status_code == 403
    )
    shown = client.get(place["orders"])
    assert (bool(shown.context["edit_url"]), shown.context["people"][0]["role"]) == (True, "steward")
    assert not client.get(place["returns"]).context["edit_url"]
    assert client.get(f"{place['orders']}run/").status_code == 403
    admin.post(f"{place['orders']}people/withdraw/", {"email": dora.user.email})
    assert client.get(f"{place['orders']}edit/").status_code == 403
