"""How runs fail: compensated, dead-lettered, or waiting for a person; and how people take them up again."""

import pytest

from ipaas.core.actor import SYSTEM
from ipaas.core.errors import ErrorClass, NotFound, PermissionDenied
from ipaas.core.ids import uuid7
from ipaas.runtime.models import DeadLetter, Effect, Run, Work
from ipaas.runtime.services import KeyConflict, RunState, cancel_run, resume_run, settle_effect, skip_step, trigger_flow
from ipaas.runtime.values import read_values
from tests.integration.runtime.conftest import World, call
from tests.integration.runtime.gateway import failed, ok, retry, unknown

LINES = {"id": "o-1", "lines": ["a", "b"]}
COMPENSATE = {"business_rejection": "compensate", "default": "dead_letter"}


def each_line(*steps: dict[str, object]) -> dict[str, object]:
    spec = {"items": "trigger.body.lines", "as": "line", "max_items": 9, "concurrency": 1, "steps": list(steps)}
    return {"id": "each", "for_each": spec}


def test_a_business_rejection_undoes_what_was_done_in_reverse(world: World) -> None:
    world.gateway.on("ship", failed())
    flow = world.flow(
        call("charge", undo=True),
        each_line(call("reserve", {"sku": "{{ line }}"}, undo=True)),
        call("ship"),
        failure=COMPENSATE,
    )
    run = world.play(flow, LINES)
    assert run.status == Run.Status.COMPENSATED
    assert world.gateway.paths == [
        "charge",
        "each/reserve#0",
        "each/reserve#1",
        "ship",
        "each/reserve~undo#1",
        "each/reserve~undo#0",
        "charge~undo",
    ]
    assert world.gateway.calls[4].params == {"what": "each/reserve#1"}
    assert not DeadLetter.objects.exists()
    assert not Work.objects.exists()


def test_a_compensation_goes_on_where_a_retry_interrupted_it(world: World) -> None:
    world.gateway.on("ship", failed())
    world.gateway.on("pack~undo", retry(), ok())
    flow = world.flow(call("charge", undo=True), call("pack", undo=True), call("ship"), failure=COMPENSATE)
    run = world.play(flow)
    assert run.status == Run.Status.COMPENSATING
    run = world.go_on(run)
    assert run.status == Run.Status.COMPENSATED
    assert world.gateway.paths[3:] == ["pack~undo", "pack~undo", "charge~undo"]
    assert (run.error_class, run.error_step) == ("business_rejection", "ship")


def test_a_compensation_that_fails_needs_an_operator_and_may_be_skipped(world: World) -> None:
    world.gateway.on("ship", failed())
    world.gateway.on("charge~undo", failed())
    run = world.play(world.flow(call("charge", undo=True), call("ship"), failure=COMPENSATE))
    assert run.status == Run.Status.NEEDS_OPERATOR
    assert world.letter(run).step == "charge~undo"
    skip_step(actor=SYSTEM, run=run, reason="refunded by hand")
    world.work()
    run.refresh_from_db()
    assert run.status == Run.Status.COMPENSATED


def test_a_compensation_whose_values_can_not_be_had_needs_an_operator(world: World) -> None:
    world.gateway.on("charge", ok({}))
    world.gateway.on("ship", failed())
    run = world.play(world.flow(call("charge", undo=True), call("ship"), failure=COMPENSATE))
    assert run.status == Run.Status.NEEDS_OPERATOR
    assert world.letter(run).error_code == "undo_params"
    assert Effect.objects.get(path="charge").state == Effect.State.DONE


def test_a_failure_for_good_makes_a_dead_letter_with_its_cause(world: World) -> None:
    world.gateway.on("charge", failed(ErrorClass.CONFLICT, "gone"))
    run = world.play(world.flow(call("charge"), call("never")))
    letter = world.letter(run)
    assert run.status == Run.Status.DEAD
    assert (letter.cause, letter.step, letter.business_key) == ("orders/charge: conflict gone", "charge", "o-1")
    assert (run.error_class, run.error_code, run.error_step) == ("conflict", "gone", "charge")
    assert world.gateway.paths == ["charge"]


def test_a_handled_failure_lets_the_flow_go_on(world: World) -> None:
    world.gateway.on("charge", failed())
    handler = {"classes": ["business_rejection"], "then": "continue", "steps": [call("tell")]}
    run = world.play(world.flow(call("charge", on_failure=handler), call("after")))
    assert run.status == Run.Status.SUCCEEDED
    assert world.gateway.paths == ["charge", "charge/on_failure/tell", "after"]


def test_resuming_does_not_repeat_what_succeeded(world: World) -> None:
    world.gateway.on("ship", failed(), ok())
    run = world.play(world.flow(call("charge"), call("ship"), call("tell")))
    resume_run(actor=SYSTEM, run=run, reason="fixed on their side")
    world.work()
    run.refresh_from_db()
    assert run.status == Run.Status.SUCCEEDED
    assert world.gateway.paths == ["charge", "ship", "ship", "tell"]
    assert DeadLetter.objects.get(run_id=run.id).state == DeadLetter.State.RESUMED


def test_a_skipped_step_is_left_out_with_its_reason(world: World) -> None:
    world.gateway.on("ship", failed())
    run = world.play(world.flow(call("charge"), call("ship"), call("tell")))
    skip_step(actor=world.actor("runs.skip"), run=run, reason="sent by courier")
    world.work()
    run.refresh_from_db()
    assert run.status == Run.Status.SUCCEEDED
    assert world.step(run, "ship").reason == "skipped by alice@example.com: sent by courier"
    assert world.gateway.paths == ["charge", "ship", "tell"]


def test_an_unknown_outcome_needs_an_operator(world: World) -> None:
    world.gateway.on("charge", unknown())
    run = world.play(world.flow(call("charge"), call("ship")))
    assert run.status == Run.Status.NEEDS_OPERATOR
    assert world.step(run, "charge").status == "unknown"
    assert Effect.objects.get().state == Effect.State.UNKNOWN
    assert world.letter(run).error_class == "outcome_unknown"


def test_an_effect_said_to_have_happened_counts_and_is_not_sent_again(world: World) -> None:
    world.gateway.on("charge", unknown())
    flow = world.flow(
        call("charge", undo=True), call("ship", {"of": "{{ steps.charge.output.id }}"}), failure=COMPENSATE
    )
    run = world.play(flow)
    settle_effect(actor=SYSTEM, run=run, path="charge", item="", happened=True, result={"id": "ch-9"}, reason="seen")
    world.gateway.on("ship", failed())
    world.work()
    run.refresh_from_db()
    assert run.status == Run.Status.COMPENSATED
    assert world.gateway.paths == ["charge", "ship", "charge~undo"]
    assert [sent.params for sent in world.gateway.calls[1:]] == [{"of": "ch-9"}, {"what": "ch-9"}]


def test_an_effect_said_not_to_have_happened_is_sent_again(world: World) -> None:
    world.gateway.on("charge", unknown(), ok())
    run = world.play(world.flow(call("charge"), call("ship")))
    settle_effect(actor=SYSTEM, run=run, path="charge", item="", happened=False, reason="not in their list")
    world.work()
    run.refresh_from_db()
    assert run.status == Run.Status.SUCCEEDED
    assert world.gateway.paths == ["charge", "charge", "ship"]


def test_a_cancelled_run_stops_before_its_next_block(world: World) -> None:
    run = world.play(world.flow({"id": "rest", "wait": {"for": "PT1H"}}, call("after")))
    cancel_run(actor=SYSTEM, run=run, reason="customer called")
    world.work()
    run.refresh_from_db()
    assert (run.status, run.cancel_reason) == ("cancelled", "customer called")
    assert world.gateway.paths == []
    with pytest.raises(RunState):
        cancel_run(actor=SYSTEM, run=run, reason="again")


def test_a_passed_deadline_dead_letters(world: World) -> None:
    run = world.start(world.flow(call("charge")))
    Run.objects.filter(id=run.id).update(deadline_at=run.deadline_at.replace(year=2020) if run.deadline_at else None)
    world.work()
    run.refresh_from_db()
    assert (run.status, run.error_code) == ("dead", "deadline_exceeded")
    assert world.gateway.paths == []


def test_input_that_breaks_the_contract_dead_letters_with_the_input_kept(world: World) -> None:
    contract = {"type": "object", "required": ["total"], "properties": {"total": {"type": "integer"}}}
    flow = world.flow(call("charge"), input={"schema": contract})
    run = world.play(flow, {"id": "o-1"})
    assert (run.status, world.letter(run).error_code) == ("dead", "input_schema")
    assert world.gateway.paths == []
    assert read_values(run)["trigger"]["body"] == {"id": "o-1"}


def test_a_missing_business_id_dead_letters(world: World) -> None:
    run = world.play(world.flow(call("charge"), business_ids={"order": "get(trigger.body, 'id')"}), {"total": 1})
    assert (run.status, run.error_code) == ("dead", "business_id")


def test_the_same_key_and_input_start_one_run_and_another_input_conflicts(world: World) -> None:
    flow = world.flow(call("charge"))
    first = world.start(flow, key="k-1")
    assert world.start(flow, key="k-1").id == first.id
    with pytest.raises(KeyConflict):
        world.start(flow, {"id": "o-2"}, key="k-1")
    world.work()
    assert world.gateway.paths == ["charge"]


def test_who_lacks_the_permission_is_denied_and_a_stranger_finds_nothing(world: World) -> None:
    world.gateway.on("charge", failed())
    flow = world.flow(call("charge"))
    run = world.play(flow)
    alice, charlie = world.actor(), world.actor("flows.trigger", "runs.resume", "runs.skip", workspace_id=uuid7())
    for actor, refusal in ((alice, PermissionDenied), (charlie, NotFound)):
        with pytest.raises(refusal):
            trigger_flow(actor=actor, flow=flow, environment=world.environment, body={"id": "x"})
        for deed in (resume_run, skip_step, cancel_run):
            with pytest.raises(refusal):
                deed(actor=actor, run=run, reason="x")
        with pytest.raises(refusal):
            settle_effect(actor=actor, run=run, path="charge", item="", happened=True)
    assert Run.objects.count() == 1
