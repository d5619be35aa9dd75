import pytest

from ipaas.accounts.models import Environment, Workspace
from ipaas.core.actor import Actor
from ipaas.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from ipaas.flows import queries
from ipaas.flows.models import Deployment, Flow, FlowVersion
from ipaas.flows.services import FlowNotActive, FlowNotPaused, pause_flow, resume_flow
from ipaas.governance import services
from ipaas.governance.ending import StillUsed, deprecate_version, retire_version
from tests.factories.flow_documents import flow, mapping

WEBHOOK = {"webhook": {"endpoint": "storefront-orders", "events": ["order.created"]}}


@pytest.fixture
def version(workspace: Workspace, alice: Actor) -> FlowVersion:
    applied = services.apply_document(actor=alice, workspace=workspace, content=flow(trigger=WEBHOOK))
    assert isinstance(applied.version, FlowVersion)
    return applied.version


@pytest.fixture
def deployment(version: FlowVersion, production: Environment, alice: Actor) -> Deployment:
    return services.deploy(flow=version.document, environment=production, version=version, actor=alice)


def second(workspace: Workspace, alice: Actor) -> FlowVersion:
    content = flow(trigger={"schedule": {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}})
    found = services.apply_document(actor=alice, workspace=workspace, content=content).version
    assert isinstance(found, FlowVersion)
    return found


@pytest.mark.usefixtures("deployment")
def test_a_delivery_finds_the_flows_of_its_endpoint_and_event(workspace: Workspace, production: Environment) -> None:
    def found(endpoint: str, event: str) -> list[str]:
        flows = queries.flows_for_endpoint(workspace.id, production.id, endpoint, event)
        return [one.flow_slug for one in flows]

    assert found("storefront-orders", "order.created") == ["orders"]
    assert found("storefront-orders", "order.cancelled") == []
    assert found("other", "order.created") == []


def test_a_deployment_moves_to_another_version_and_back(
    deployment: Deployment, workspace: Workspace, production: Environment, alice: Actor
) -> None:
    first = deployment.version
    newer = second(workspace, alice)
    moved = services.deploy(flow=newer.document, environment=production, version=newer, actor=alice)
    assert (moved.id, moved.trigger_kind) == (deployment.id, "schedule")
    assert [one.trigger_spec["cron"] for one in queries.active_schedules()] == ["0 6 * * *"]
    back = services.roll_back(deployment=moved, actor=alice, reason="worse")
    assert back.version == first
    assert queries.active_schedules() == []
    assert queries.deployed_flow(workspace.id, production.id, "orders") is not None


def test_there_must_be_something_to_roll_back_to(deployment: Deployment, alice: Actor) -> None:
    with pytest.raises(services.NothingToRollBackTo):
        services.roll_back(deployment=deployment, actor=alice, reason="x")


def test_changes_of_deployments_are_told(
    version: FlowVersion, production: Environment, alice: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Deployment] = []
    monkeypatch.setattr(services, "_deployment_changed", [])
    services.on_deployment_changed(told.append)
    deployment = services.deploy(flow=version.document, environment=production, version=version, actor=alice)
    services.undeploy(deployment=deployment, actor=alice, reason="over")
    assert [one.active for one in told] == [True, False]
    assert queries.deployed_flows(version.workspace_id, production.id) == []


def test_a_version_runs_only_in_environments_of_its_workspace(
    version: FlowVersion, other_workspace: Workspace, production: Environment, alice: Actor, bob: Actor, charlie: Actor
) -> None:
    foreign = Environment.objects.create(workspace=other_workspace, slug="production", name="Production")
    with pytest.raises(NotFound):
        services.deploy(flow=version.document, environment=foreign, version=version, actor=alice)
    with pytest.raises(PermissionDenied):
        services.deploy(flow=version.document, environment=production, version=version, actor=bob)
    with pytest.raises(NotFound):
        services.deploy(flow=version.document, environment=production, version=version, actor=charlie)


def test_a_deprecated_version_is_not_deployed(version: FlowVersion, production: Environment, alice: Actor) -> None:
    deprecate_version(version=version, actor=alice, reason="old")
    with pytest.raises(Conflict, match="deprecated"):
        services.deploy(flow=version.document, environment=production, version=version, actor=alice)


def test_a_retired_version_is_neither_used_nor_pinned(
    workspace: Workspace, production: Environment, alice: Actor
) -> None:
    row = services.apply_document(actor=alice, workspace=workspace, content=mapping()).version
    uses = flow(steps=[{"id": "row", "map": {"mapping": "order-row"}}])
    version = services.apply_document(actor=alice, workspace=workspace, content=uses).version
    deployment = services.deploy(flow=version.document, environment=production, version=version, actor=alice)
    for used in (row, version):
        with pytest.raises(StillUsed, match=r"orders \(production\)"):
            retire_version(version=used, actor=alice, reason="wrong")
    services.undeploy(deployment=deployment, actor=alice, reason="stock-taking")
    with pytest.raises(InvalidInput):
        deprecate_version(version=row, actor=alice, reason="wrong", replacement="order-row@1")

    assert retire_version(version=row, actor=alice, reason="wrong").state == "retired"
    with pytest.raises(Conflict, match="order-row@1, which is retired"):
        services.deploy(flow=version.document, environment=production, version=version, actor=alice)
    with pytest.raises(InvalidInput, match="retired"):
        services.apply_document(actor=alice, workspace=workspace, content={**uses, "title": "New"})
    assert services.apply_document(actor=alice, workspace=workspace, content=mapping()).version.number == 2


def test_a_deployed_flow_is_not_archived(deployment: Deployment, alice: Actor) -> None:
    with pytest.raises(Conflict, match="undeploy"):
        services.archive_document(document=deployment.flow, actor=alice, reason="old")


def test_a_paused_flow_is_marked_until_it_is_resumed(
    deployment: Deployment, production: Environment, alice: Actor, bob: Actor
) -> None:
    with pytest.raises(PermissionDenied):
        pause_flow(flow=deployment.flow, actor=bob, reason="no")
    pause_flow(flow=deployment.flow, actor=alice, reason="stock-taking")
    assert Flow.objects.get().pause_reason == "stock-taking"
    assert [one.paused for one in queries.deployed_flows(deployment.workspace_id, production.id)] == [True]
    with pytest.raises(FlowNotActive):
        pause_flow(flow=deployment.flow, actor=alice, reason="again")
    resume_flow(flow=deployment.flow, actor=alice)
    assert [one.paused for one in queries.deployed_flows(deployment.workspace_id, production.id)] == [False]
    with pytest.raises(FlowNotPaused):
        resume_flow(flow=deployment.flow, actor=alice)
