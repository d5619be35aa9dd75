"""Trying a draft out: by the same engine, without publishing it, and never in production unless that is said."""

from typing import Any

import pytest

from ipaas.accounts.models import Environment
from ipaas.accounts.services import create_environment
from ipaas.audit.models import AuditEntry
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.core.document_forms import read_document
from ipaas.core.errors import InvalidInput, NotFound, PermissionDenied
from ipaas.flows.models import DraftSnapshot, Flow, FlowVersion
from ipaas.flows.queries import plan_for
from ipaas.flows.services import save_draft
from ipaas.flows.snapshots import draft_source, snapshot_of
from ipaas.governance.services import deploy
from ipaas.mapping.models import MappingVersion
from ipaas.runtime import today
from ipaas.runtime.models import DeadLetter, Run
from ipaas.runtime.retention import apply_retention
from ipaas.runtime.testing import ProductionNotChosen, TestWish, calls_of_test, start_test
from tests.factories import flow_documents
from tests.integration.runtime.conftest import World, call
from tests.integration.runtime.gateway import failed

BODY = {"id": "o-1"}


@pytest.fixture
def staging(world: World) -> Environment:
    return create_environment(workspace=world.workspace, slug="staging", name="Staging", actor=SYSTEM)


def mapped(step_id: str, expression: str) -> dict[str, Any]:
    return {"id": step_id, "map": {"fields": {"value": expression}}}


def drafted(world: World, *steps: dict[str, Any], **changes: Any) -> Flow:
    content = flow_documents.flow(steps=list(steps), **changes)
    found = Flow.objects.filter(slug=content["slug"]).first()
    revision = found.draft_revision if found else None
    return save_draft(actor=SYSTEM, workspace=world.workspace, content=content, expected_revision=revision)[0]


def wish_of(step: str, **wish: Any) -> TestWish:
    return TestWish(step=step, **{"body": BODY, "has_body": True, **wish})


def try_draft(world: World, flow: Flow, place: Environment, step: str, **wish: Any) -> Run:
    snapshot = snapshot_of(flow, draft_source(flow), SYSTEM)
    run = start_test(actor=SYSTEM, version=snapshot, environment=place, wish=wish_of(step, **wish))
    world.work()
    run.refresh_from_db()
    return run


def test_a_draft_that_was_never_published_runs_with_what_it_holds_inline(world: World, staging: Environment) -> None:
    schema = {"type": "object", "required": ["id"]}
    check = {"id": "check", "validate": {"schema": schema, "value": "steps.charge.output"}}
    flow = drafted(world, call("charge"), check, mapped("row", "steps.charge.output.id"), input={"schema": schema})
    run = try_draft(world, flow, staging, "row", outputs={"charge": {"id": "c-9"}})
    assert (run.status, run.trigger, world.output(run, "row")) == ("succeeded", "test", {"value": "c-9"})
    assert world.steps(run) == {"charge": "succeeded", "check": "succeeded", "row": "succeeded"}
    assert not FlowVersion.objects.exists()
    assert not MappingVersion.objects.exists()
    assert plan_for(run.version_id).number == 0


def test_a_test_keeps_to_the_draft_as_it_was(world: World, staging: Environment) -> None:
    flow = drafted(world, mapped("row", "'one'"))
    first = try_draft(world, flow, staging, "row")
    again = try_draft(world, flow, staging, "row")
    flow = drafted(world, mapped("row", "'two'"))
    second = try_draft(world, flow, staging, "row")
    assert [world.output(run, "row")["value"] for run in (first, again, second)] == ["one", "one", "two"]
    assert first.version_id == again.version_id != second.version_id
    assert plan_for(first.version_id).sha256 != plan_for(second.version_id).sha256


def test_a_draft_does_not_touch_production_unless_that_is_said(world: World, staging: Environment) -> None:
    flow = drafted(world, call("charge"))
    with pytest.raises(ProductionNotChosen):
        try_draft(world, flow, world.environment, "charge")
    assert not DraftSnapshot.objects.exists()
    assert world.gateway.calls == []
    assert try_draft(world, flow, world.environment, "charge", in_production=True).status == "succeeded"
    assert try_draft(world, flow, staging, "charge").environment_id == staging.id


def test_a_failing_test_of_a_draft_counts_nowhere(world: World, staging: Environment) -> None:
    world.gateway.on("charge", failed())
    flow = drafted(world, call("charge", undo=True))
    run = try_draft(world, flow, staging, "charge")
    assert run.status == "discarded"
    assert not DeadLetter.objects.exists()
    assert today.read_day(world.workspace.id, [flow.id], staging.id).flows[flow.id].begun == 0


def test_a_sub_flow_of_a_test_is_a_test(world: World, staging: Environment) -> None:
    child = world.flow(call("pick"), slug="child")
    version = FlowVersion.objects.get(document=child)
    deploy(flow=child, environment=staging, version=version, actor=SYSTEM)
    world.gateway.on("pick", failed())
    sub = {"id": "sub", "flow": {"slug": "child", "with": {"id": "{{ trigger.body.id }}"}}}
    run = try_draft(world, drafted(world, sub, slug="parent"), staging, "sub")
    inner = Run.objects.get(parent_run_id=run.id)
    assert (run.status, inner.trigger, inner.status) == ("discarded", "test", "discarded")
    assert not DeadLetter.objects.exists()


def test_what_is_wrong_with_a_draft_is_told_at_its_line(world: World) -> None:
    flow = drafted(world, call("charge"))
    text = "kind: flow\nslug: orders\ntitle: T\ntrigger: {manual: {}}\nbusiness_ids: {order: trigger.body.id}\n"
    text += "primary_business_id: nobody\nsteps:\n  - {id: a, map: {fields: {v: '1'}}}\n"
    with pytest.raises(InvalidInput) as refused:
        snapshot_of(flow, read_document(text=text), SYSTEM)
    assert (refused.value.errors[0]["path"], refused.value.errors[0]["line"]) == ("/primary_business_id", 6)
    with pytest.raises(InvalidInput, match="slug says otherwise"):
        snapshot_of(flow, read_document(content=flow_documents.flow(slug="other")), SYSTEM)
    Flow.objects.update(draft=None)
    flow.refresh_from_db()
    with pytest.raises(NotFound):
        draft_source(flow)


def test_testing_a_draft_needs_the_right_to_change_it_and_is_recorded(world: World, staging: Environment) -> None:
    flow = drafted(world, call("charge"))
    snapshot = snapshot_of(flow, draft_source(flow), SYSTEM)
    given = {"version": snapshot, "environment": staging, "wish": wish_of("charge")}
    for deed in (start_test, calls_of_test):
        with pytest.raises(PermissionDenied):
            deed(actor=world.actor("flows.trigger"), **given)
        with pytest.raises(PermissionDenied):
            deed(actor=world.actor("flows.edit"), **given)
    may = world.actor("flows.trigger", "flows.edit")
    assert [one.path for one in calls_of_test(actor=may, **given)] == ["charge"]
    assert not DraftSnapshot.objects.exists()
    start_test(actor=may, **given)
    entry = AuditEntry.objects.get(action="run.tested")
    assert (entry.details["version"], entry.details["sha256"]) == ("draft", snapshot.sha256)


def test_snapshots_go_with_the_runs_that_were_made_with_them(world: World, staging: Environment) -> None:
    try_draft(world, drafted(world, mapped("row", "1")), staging, "row")
    apply_retention()
    assert DraftSnapshot.objects.count() == 1
    DraftSnapshot.objects.update(used_at=now().replace(year=2020))
    apply_retention()
    assert not DraftSnapshot.objects.exists()
