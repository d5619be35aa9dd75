"""What may have happened is settled before a run is undone; sub-flows are undone with the run that waits for them."""

from typing import Any

import pytest

from ipaas.core.actor import SYSTEM
from ipaas.runtime.models import DeadLetter, Effect, Run, StepRun, Work
from ipaas.runtime.services import settle_effect
from tests.integration.runtime.conftest import World, call, sql
from tests.integration.runtime.gateway import deferred, failed, lost, ok, retry

COMPENSATE = {"business_rejection": "compensate", "timeout": "compensate", "default": "dead_letter"}


def side_by_side(*strands: dict[str, Any]) -> dict[str, Any]:
    return {"id": "fan", "parallel": {"branches": [{"id": step["id"], "steps": [step]} for step in strands]}}


def each(step: dict[str, Any]) -> dict[str, Any]:
    spec = {"items": "trigger.body.lines", "as": "line", "max_items": 9, "concurrency": 3, "steps": [step]}
    return {"id": "each", "for_each": spec}


@pytest.mark.parametrize("order", [("charge", "ship"), ("ship", "charge")])
@pytest.mark.parametrize("between", [lost(), deferred()])
def test_a_charge_in_doubt_is_settled_before_the_failure_beside_it_undoes_the_run(
    world: World, order: tuple[str, str], between: Any
) -> None:
    world.gateway.on("fan/charge/charge", lost(), between, ok({"id": "c-1"}))
    world.gateway.on("fan/ship/ship", failed())
    strands = {"charge": call("charge", undo=True), "ship": call("ship")}
    run = world.play(world.flow(side_by_side(*(strands[name] for name in order)), failure=COMPENSATE))
    assert run.status == Run.Status.WAITING
    run = world.go_on(world.go_on(run))
    assert (run.status, run.error_step) == ("compensated", "fan/ship/ship")
    assert world.gateway.paths.count("fan/ship/ship") == 1
    assert world.gateway.paths[-2:] == ["fan/charge/charge", "fan/charge/charge~undo"]
    assert not StepRun.objects.filter(run_id=run.id, status__in=["running", "waiting", "retrying"]).exists()


def test_a_charge_that_certainly_did_not_happen_puts_nothing_off(world: World) -> None:
    world.gateway.on("fan/charge/charge", lost(), retry())
    world.gateway.on("fan/ship/ship", failed())
    run = world.play(world.flow(side_by_side(call("charge", undo=True), call("ship")), failure=COMPENSATE))
    run = world.go_on(run)
    assert run.status == Run.Status.COMPENSATED
    assert "fan/charge/charge~undo" not in world.gateway.paths


def test_an_item_in_doubt_is_settled_before_the_failure_of_another(world: World) -> None:
    world.gateway.on("each/take#0", failed())
    world.gateway.on("each/take#2", lost(), ok({"id": "t-2"}))
    flow = world.flow(each(call("take", {"sku": "{{ line }}"}, undo=True)), failure=COMPENSATE)
    run = world.go_on(world.play(flow, {"id": "o-1", "lines": ["a", "b", "c"]}))
    assert run.status == Run.Status.COMPENSATED
    assert sorted(world.gateway.paths[-2:]) == ["each/take~undo#1", "each/take~undo#2"]


def test_a_deadline_over_a_doubt_asks_an_operator_before_the_run_is_undone(world: World) -> None:
    world.gateway.on("charge", lost())
    run = world.play(world.flow(call("take", undo=True), call("charge", undo=True), failure=COMPENSATE))
    sql("UPDATE runtime_run SET deadline_at = now() - interval '1 second'")
    run = world.go_on(run)
    assert (run.status, run.error_class, run.error_step) == ("needs_operator", "outcome_unknown", "charge")
    world.gateway.clear()
    settle_effect(actor=SYSTEM, run=run, path="charge", item="", happened=False)
    run = world.go_on(run)
    assert (run.status, world.gateway.paths) == ("compensated", ["take~undo"])


def with_sub_flow(world: World, *inner: dict[str, Any]) -> Run:
    """A run whose sub-flow waits while the strand beside it waits for its retry, and then fails."""
    world.flow(*inner, slug="child", trigger={"manual": {}}, failure=COMPENSATE)
    world.gateway.on("fan/ship/ship", retry(), failed())
    sub = {"id": "sub", "flow": {"slug": "child", "with": {"id": "c-1"}}}
    return world.play(world.flow(side_by_side(sub, call("ship")), failure=COMPENSATE))


def test_a_run_that_is_undone_undoes_the_sub_flow_that_it_waits_for(world: World) -> None:
    world.gateway.on("slow", retry())
    parent = with_sub_flow(world, call("charge", undo=True), call("slow"))
    parent = world.go_on(parent)
    child = Run.objects.get(parent_run_id=parent.id)
    assert (parent.status, child.status) == ("compensated", "compensated")
    assert (child.error_class, child.error_code) == ("business_rejection", "parent_undone")
    assert world.gateway.paths[-1] == "charge~undo"
    assert not Work.objects.exists()
    assert not StepRun.objects.filter(status__in=["running", "waiting", "retrying"]).exists()


def test_a_sub_flow_that_is_undone_takes_along_its_own(world: World) -> None:
    world.gateway.on("deep", retry())
    world.flow(call("pay", undo=True), call("deep"), slug="grandchild", trigger={"manual": {}}, failure=COMPENSATE)
    parent = with_sub_flow(world, {"id": "sub", "flow": {"slug": "grandchild", "with": {"id": "g-1"}}})
    world.go_on(parent)
    assert set(Run.objects.values_list("status", flat=True)) == {"compensated"}
    assert world.gateway.paths[-1] == "pay~undo"


def test_a_dead_lettered_run_leaves_its_sub_flow_alone(world: World) -> None:
    world.gateway.on("slow", retry())
    world.flow(call("slow"), slug="child", trigger={"manual": {}})
    world.gateway.on("fan/ship/ship", retry(), failed())
    sub = {"id": "sub", "flow": {"slug": "child", "with": {"id": "c-1"}}}
    parent = world.go_on(world.play(world.flow(side_by_side(sub, call("ship")))))
    child = Run.objects.get(parent_run_id=parent.id)
    assert (parent.status, child.status, child.cancel_reason) == ("dead", "waiting", None)
    assert DeadLetter.objects.get().run_id == parent.id


def test_effects_in_doubt_keep_their_row_until_settled(world: World) -> None:
    world.gateway.on("charge", lost(), ok({"id": "c-1"}))
    run = world.play(world.flow(call("charge")))
    assert Effect.objects.get().state == Effect.State.OPEN
    world.go_on(run)
    assert Effect.objects.get().state == Effect.State.DONE
