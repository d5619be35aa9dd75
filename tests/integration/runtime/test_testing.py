"""Trying a step out: by the real engine, upon pinned data, with nothing but that step's own effects."""

from typing import Any

import pytest

from ipaas.accounts.models import Environment
from ipaas.audit.models import AuditEntry
from ipaas.core.actor import SYSTEM
from ipaas.core.errors import InvalidInput, NotFound, PermissionDenied
from ipaas.flows.models import Flow, FlowVersion
from ipaas.outbox.models import OutboxEvent
from ipaas.runtime.models import DeadLetter, Run
from ipaas.runtime.replays import replay_run
from ipaas.runtime.services import RunState
from ipaas.runtime.testing import TestWish, calls_of_test, start_test
from tests.integration.runtime.conftest import World, call
from tests.integration.runtime.gateway import failed, ok

BODY = {"id": "o-1"}


def try_out(world: World, flow: Flow, step: str, **wish: Any) -> Run:
    wish = {"body": BODY, "has_body": True, **wish}
    version = FlowVersion.objects.filter(document=flow).order_by("-number")[0]
    run = start_test(actor=SYSTEM, version=version, environment=world.environment, wish=TestWish(step=step, **wish))
    world.work()
    run.refresh_from_db()
    return run


def mapped(step_id: str, expression: str) -> dict[str, Any]:
    return {"id": step_id, "map": {"fields": {"value": expression}}}


def each(*steps: dict[str, Any]) -> dict[str, Any]:
    spec = {"items": "trigger.body.lines", "as": "line", "max_items": 9, "concurrency": 1, "steps": list(steps)}
    return {"id": "each", "for_each": spec}


def test_a_step_alone_runs_upon_pinned_results(world: World) -> None:
    flow = world.flow(call("charge"), mapped("row", "steps.charge.output.id"), call("ship"))
    run = try_out(world, flow, "row", alone=True, outputs={"charge": {"id": "c-9"}})
    assert (run.status, run.trigger) == ("succeeded", "test")
    assert world.steps(run) == {"charge": "succeeded", "row": "succeeded"}
    assert world.output(run, "row") == {"value": "c-9"}
    assert world.gateway.calls == []


def test_everything_up_to_a_step_runs_and_nothing_behind_it(world: World) -> None:
    flow = world.flow(call("charge"), mapped("row", "steps.charge.output.id"), call("ship"))
    run = try_out(world, flow, "row")
    assert world.steps(run) == {"charge": "succeeded", "row": "succeeded"}
    assert world.gateway.paths == ["charge"]


def test_a_step_before_it_without_a_result_is_null(world: World) -> None:
    flow = world.flow(call("charge"), mapped("row", "steps.charge.output"))
    run = try_out(world, flow, "row", alone=True)
    assert world.steps(run) == {"charge": "skipped", "row": "succeeded"}
    assert world.output(run, "row") == {"value": None}


def test_data_of_a_run_is_used_without_being_shown_or_called_for_again(world: World) -> None:
    flow = world.flow(call("charge"), each(mapped("pick", "line")), mapped("row", "steps.each.output"))
    earlier = world.play(flow, {"id": "o-1", "lines": ["a", "b"]})
    sent = len(world.gateway.calls)
    run = try_out(world, flow, "row", alone=True, from_run=earlier, has_body=False)
    assert run.status == "succeeded", run.error_message
    assert world.output(run, "row") == {"value": [{"value": "a"}, {"value": "b"}]}
    assert len(world.gateway.calls) == sent
    assert run.root_run_id == run.id


def test_a_failing_test_makes_no_dead_letter_no_event_and_undoes_nothing(world: World) -> None:
    world.gateway.on("ship", failed())
    flow = world.flow(call("charge", undo=True), call("ship"), failure={"business_rejection": "compensate"})
    run = try_out(world, flow, "ship")
    assert (run.status, run.error_step, run.ended) == ("discarded", "ship", True)
    assert not DeadLetter.objects.exists()
    assert not OutboxEvent.objects.exists()
    assert world.gateway.paths == ["charge", "ship"]


def test_a_test_is_not_replayed(world: World) -> None:
    run = try_out(world, world.flow(call("charge"), call("ship")), "charge")
    with pytest.raises(RunState, match="a test of a step"):
        replay_run(actor=SYSTEM, run=run, reason="again")


def test_a_step_in_a_branch_is_reached_whatever_the_condition_says(world: World) -> None:
    cases = [{"when": "false", "steps": [call("first"), mapped("row", "steps.first.output.id")]}]
    flow = world.flow({"id": "which", "branch": cases})
    run = try_out(world, flow, "row", alone=True, outputs={"which/first": {"id": "f"}})
    assert world.output(run, "which/row") == {"value": "f"}
    assert try_out(world, flow, "row").status == "succeeded"
    assert "row" not in str(world.steps(try_out(world, flow, "row")))


def test_a_step_in_a_loop_runs_for_one_element(world: World) -> None:
    flow = world.flow(each(call("pick"), mapped("row", "[line, steps.pick.output.id]"), call("pack")))
    given = {"body": {"id": "o-1", "lines": ["a", "b", "c"]}, "item": 1}
    run = try_out(world, flow, "row", alone=True, outputs={"pick": {"id": "p"}}, **given)
    assert world.output(run, "each/row", "1") == {"value": ["b", "p"]}
    assert world.gateway.calls == []


def test_a_strand_alone_leaves_the_others_out(world: World) -> None:
    strands = [{"id": "left", "steps": [call("one")]}, {"id": "right", "steps": [call("two")]}]
    flow = world.flow({"id": "fan", "parallel": {"branches": strands}}, call("after"))
    run = try_out(world, flow, "two", alone=True)
    assert world.gateway.paths == ["fan/right/two"]
    assert world.steps(run)["fan/left/one"] == "skipped"


def test_a_whole_loop_is_pinned_like_any_step(world: World) -> None:
    flow = world.flow(each(call("pick")), mapped("row", "steps.each.output"))
    run = try_out(world, flow, "row", outputs={"each": [1, 2]})
    assert world.output(run, "row") == {"value": [1, 2]}
    assert world.gateway.calls == []


def test_what_a_test_calls_is_told_before(world: World) -> None:
    flow = world.flow(call("charge"), mapped("row", "1"), call("ship"), {"id": "say", "emit": {"type": "done"}})
    version = FlowVersion.objects.get(document=flow)

    def told(step: str, **wish: Any) -> list[tuple[str, str]]:
        wish_ = TestWish(step=step, **wish)
        found = calls_of_test(actor=SYSTEM, version=version, environment=world.environment, wish=wish_)
        return [(one.path, one.effect) for one in found]

    assert told("ship") == [("charge", "writes"), ("ship", "writes")]
    assert told("ship", alone=True) == [("ship", "writes")]
    assert told("ship", outputs={"charge": {}}) == [("ship", "writes")]
    assert told("say", alone=True) == [("say", "emits")]
    assert told("row", alone=True) == []


@pytest.mark.parametrize(
    ("wish", "place"),
    [
        ({"step": "nowhere"}, "step"),
        ({"step": "charge", "outputs": {"ship": 1}}, "outputs/ship"),
        ({"step": "charge", "outputs": {"nowhere": 1}}, "step"),
        ({"step": "charge", "body": {}}, "body"),
    ],
)
def test_what_can_not_be_tested_is_refused_with_its_place(world: World, wish: dict[str, Any], place: str) -> None:
    flow = world.flow(call("charge"), call("ship"))
    step = wish.pop("step")
    with pytest.raises(InvalidInput) as refused:
        try_out(world, flow, step, **wish)
    assert refused.value.errors[0]["path"] == place
    assert not Run.objects.exists()


def test_a_test_needs_the_right_to_start_the_flow_and_is_recorded(world: World) -> None:
    flow = world.flow(call("charge"))
    version = FlowVersion.objects.get(document=flow)
    wish = TestWish(step="charge", body=BODY, has_body=True)
    with pytest.raises(PermissionDenied):
        start_test(actor=world.actor("flows.view"), version=version, environment=world.environment, wish=wish)
    other = Environment(workspace_id=flow.id, slug="other")
    with pytest.raises(NotFound):
        start_test(actor=SYSTEM, version=version, environment=other, wish=wish)
    may = world.actor("flows.trigger")
    start_test(actor=may, version=version, environment=world.environment, wish=wish)
    entry = AuditEntry.objects.get(action="run.tested")
    assert (entry.details["step"], entry.details["environment"]) == ("charge", world.environment.slug)


def test_a_run_of_another_flow_gives_no_data(world: World) -> None:
    other = world.play(world.flow(call("x"), slug="other"))
    with pytest.raises(InvalidInput, match="another flow"):
        try_out(world, world.flow(call("charge")), "charge", from_run=other)
    world.gateway.on("charge", ok({}))
