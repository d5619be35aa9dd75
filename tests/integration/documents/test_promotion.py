"""From one environment to the next: what would change, what is missing there, and the deed."""

from typing import Any

import pytest

from ipaas.accounts.models import Environment, Workspace
from ipaas.audit.models import AuditEntry
from ipaas.catalog.models import Connection
from ipaas.core.actor import Actor
from ipaas.core.errors import Conflict, NotFound, PermissionDenied
from ipaas.events.models import Endpoint
from ipaas.flows.models import Deployment, Flow
from ipaas.governance import services
from ipaas.governance.promotion import NotDeployedThere, Promotion, PromotionBlocked, plan_promotion, promote
from tests.factories.flow_documents import call, flow, mapping

STEPS = [call("charge", {"rate": "{{ vars.rate }}"}), {"id": "row", "map": {"mapping": "order-row"}}]
CONTENT = flow(trigger={"webhook": {"endpoint": "shop"}}, steps=STEPS, description="It has vars.nothing to do.")


@pytest.fixture
def staging(workspace: Workspace) -> Environment:
    return Environment.objects.create(workspace=workspace, slug="staging", name="Staging", variables={"rate": 1})


@pytest.fixture
def orders(workspace: Workspace, staging: Environment, alice: Actor) -> Flow:
    given = mapping(fields={"id": "source.id", "currency": "vars.currency"})
    services.apply_document(actor=alice, workspace=workspace, content=given)
    return deployed(workspace, staging, alice, CONTENT)


def deployed(workspace: Workspace, place: Environment, alice: Actor, content: dict[str, Any]) -> Flow:
    applied = services.apply_document(actor=alice, workspace=workspace, content=content)
    services.deploy(flow=applied.document, environment=place, version=applied.version, actor=alice)
    found: Flow = applied.document
    return found


def equip(workspace: Workspace, place: Environment, **connection: Any) -> None:
    """What the flow needs of an environment."""
    given = {
        "title": "Payments",
        "connector": "payments",
        "connector_version": "1",
        "auth_scheme": "none",
        **connection,
    }
    Connection.objects.create(workspace=workspace, environment=place, slug="payments", **given)
    Endpoint.objects.create(
        workspace=workspace, environment=place, slug="shop", title="Shop", public_id=f"p-{place.slug}"
    )
    place.variables = {"rate": 2, "currency": "EUR"}
    place.save()


def states(plan: Promotion) -> dict[str, str]:
    return {f"{need.kind} {need.name}": need.state for need in plan.needs}


def test_what_the_target_lacks_is_told_and_stops_the_promotion(
    orders: Flow, staging: Environment, production: Environment, alice: Actor
) -> None:
    plan = plan_promotion(actor=alice, flow=orders, source=staging, target=production)
    assert (plan.version.number, plan.current) == (1, None)
    assert states(plan) == {
        "connection payments": "missing",
        "variable currency": "differs",
        "variable rate": "missing",
        "endpoint shop": "missing",
    }
    with pytest.raises(PromotionBlocked, match="connection payments, variable rate, endpoint shop"):
        promote(actor=alice, flow=orders, source=staging, target=production)
    assert not Deployment.objects.filter(environment=production).exists()


def test_a_flow_is_promoted_and_rolled_back(
    orders: Flow, workspace: Workspace, staging: Environment, production: Environment, alice: Actor
) -> None:
    equip(workspace, production)
    assert promote(actor=alice, flow=orders, source=staging, target=production).version.number == 1
    deployed(workspace, staging, alice, {**CONTENT, "title": "All orders"})
    plan = plan_promotion(actor=alice, flow=orders, source=staging, target=production)
    assert "+title: All orders" in plan.comparison.text.splitlines()
    assert [change.path for change in plan.comparison.changes] == ["/title"]
    deployment = promote(actor=alice, flow=orders, source=staging, target=production, version=2)
    assert deployment.version.number == 2
    details = AuditEntry.objects.filter(action="flow.deployed").order_by("-id")[0].details
    assert (details["environment"], details["note"]) == ("production", "promoted from staging")
    assert services.roll_back(deployment=deployment, actor=alice, reason="wrong").version.number == 1


def test_promoting_again_changes_nothing(
    orders: Flow, workspace: Workspace, staging: Environment, production: Environment, alice: Actor
) -> None:
    equip(workspace, production)
    promote(actor=alice, flow=orders, source=staging, target=production)
    before = AuditEntry.objects.count()
    plan = plan_promotion(actor=alice, flow=orders, source=staging, target=production)
    assert plan.changes_nothing
    assert promote(actor=alice, flow=orders, source=staging, target=production).version.number == 1
    assert AuditEntry.objects.count() == before


def test_a_connection_that_is_off_stops_and_another_connector_is_told(
    orders: Flow, workspace: Workspace, staging: Environment, production: Environment, alice: Actor
) -> None:
    equip(workspace, staging)
    equip(workspace, production, connector="http", state="disabled")
    plan = plan_promotion(actor=alice, flow=orders, source=staging, target=production)
    assert [(need.name, need.note) for need in plan.missing] == [("payments", "switched off")]
    Connection.objects.filter(environment=production).update(state="active")
    plan = plan_promotion(actor=alice, flow=orders, source=staging, target=production)
    assert (plan.missing, states(plan)["connection payments"]) == ([], "differs")


def test_only_what_runs_is_promoted_by_those_who_may(
    orders: Flow,
    staging: Environment,
    production: Environment,
    alice: Actor,
    bob: Actor,
    other_workspace: Workspace,
) -> None:
    with pytest.raises(NotDeployedThere):
        plan_promotion(actor=alice, flow=orders, source=production, target=staging)
    with pytest.raises(Conflict, match="another"):
        plan_promotion(actor=alice, flow=orders, source=staging, target=staging)
    with pytest.raises(PermissionDenied):
        promote(actor=bob, flow=orders, source=staging, target=production)
    foreign = Environment.objects.create(workspace=other_workspace, slug="staging", name="Staging")
    with pytest.raises(NotFound):
        plan_promotion(actor=alice, flow=orders, source=foreign, target=production)
    with pytest.raises(Conflict, match="runs version 1 now"):
        promote(actor=alice, flow=orders, source=staging, target=production, version=7)
