"""From an input to an ended run, block by block."""

import pytest

from ipaas.core.actor import SYSTEM
from ipaas.governance import services as governance
from ipaas.runtime.models import Attempt, Run, Work
from tests.factories import flow_documents
from tests.integration.runtime.conftest import World, call
from tests.integration.runtime.gateway import deferred, failed, ok, retry


def test_a_mapped_value_reaches_the_call_and_the_run_succeeds(world: World) -> None:
    flow = world.flow(
        {"id": "shape", "map": {"fields": {"order": "source.id", "cents": "source.total * 100"}}},
        call("charge", {"amount": "{{ steps.shape.output.cents }}"}),
    )
    run = world.play(flow, {"id": "o-1", "total": 12})
    assert run.status == Run.Status.SUCCEEDED
    assert run.business_key == "o-1"
    first = world.step(run, "shape")
    assert run.started_at is not None
    assert run.finished_at is not None
    assert run.started_at <= first.started_at <= run.finished_at
    assert world.gateway.calls[0].params == {"amount": 1200}
    assert world.steps(run) == {"shape": "succeeded", "charge": "succeeded"}
    assert world.output(run, "charge") == {"id": "charge"}
    assert not Work.objects.exists()


def test_a_text_is_mapped_record_by_record_and_a_bad_record_is_named(world: World) -> None:
    rows = flow_documents.mapping(
        slug="rows",
        input={"format": "csv", "records": True},
        output={"format": "xml", "root": "orders", "row": "order"},
        fields={"@n": "source.n", "total": "number(source.total)"},
    )
    governance.apply_document(content=rows, workspace=world.workspace, actor=SYSTEM)
    flow = world.flow({"id": "shape", "map": {"mapping": "rows", "input": "{{ trigger.body.text }}"}})
    run = world.play(flow, {"id": "o-1", "text": "n,total\n1,4.20\n2,5\n"})
    assert run.status == Run.Status.SUCCEEDED
    assert '<order n="1"><total>4.20</total></order>' in world.output(run, "shape")
    run = world.play(flow, {"id": "o-2", "text": "n,total\n1,4.20\n2,much\n"})
    step = world.step(run, "shape")
    assert (step.status, step.error_code) == ("failed", "mapping.record")
    assert step.error_message.startswith("Record 2 (line 3): The field total")


def test_a_retry_is_a_due_row_and_counts_attempts(world: World) -> None:
    world.gateway.on("charge", retry(), retry(), ok({"id": "ch-1"}))
    run = world.play(world.flow(call("charge")))
    assert run.status == Run.Status.WAITING
    step = world.step(run, "charge")
    assert (step.status, step.attempts, step.reason) == ("retrying", 1, "retry")
    assert Work.objects.get().due_at == step.due_at
    world.go_on(run)
    run = world.go_on(run)
    assert run.status == Run.Status.SUCCEEDED
    assert [attempt.outcome for attempt in Attempt.objects.filter(run_id=run.id).order_by("number")] == [
        "retry",
        "retry",
        "ok",
    ]
    keys = {call.effect_key for call in world.gateway.calls}
    assert len(world.gateway.calls) == 3
    assert len(keys) == 1


def test_a_deferral_spends_no_attempt(world: World) -> None:
    world.gateway.on("charge", deferred(), deferred(), ok())
    run = world.play(world.flow(call("charge")))
    step = world.step(run, "charge")
    assert (run.status, step.status, step.attempts, step.reason) == ("waiting", "waiting", 0, "rate_limited")
    world.go_on(run)
    run = world.go_on(run)
    assert run.status == Run.Status.SUCCEEDED
    assert [call.attempt for call in world.gateway.calls] == [1]
    assert world.step(run, "charge").attempts == 1


@pytest.mark.parametrize(("total", "taken"), [(500, "big"), (5, "small")])
def test_a_branch_takes_the_first_true_case(world: World, total: int, taken: str) -> None:
    flow = world.flow(
        {
            "id": "size",
            "branch": [{"when": "trigger.body.total > 100", "steps": [call("big")]}],
            "else": {"steps": [call("small")]},
        }
    )
    run = world.play(flow, {"id": "o-1", "total": total})
    assert run.status == Run.Status.SUCCEEDED
    assert world.gateway.paths == [f"size/{taken}"]


def test_a_branch_keeps_its_decision_when_the_run_is_taken_up_again(world: World) -> None:
    world.gateway.on("look", ok({"n": 1}))
    world.gateway.on("size/big", retry(), ok())
    flow = world.flow(
        call("look"),
        {
            "id": "size",
            "branch": [{"when": "steps.look.output.n == 1", "steps": [call("big")]}],
            "else": {"steps": [call("small")]},
        },
    )
    run = world.play(flow)
    run = world.go_on(run)
    assert world.gateway.paths == ["look", "size/big", "size/big"]
    assert world.step(run, "size").detail == {"case": 0}


def test_a_disabled_block_and_an_unmet_condition_are_skipped_with_their_reason(world: World) -> None:
    run = world.play(world.flow(call("off", disabled=True), call("never", when="trigger.body.id == 'x'"), call("go")))
    assert world.steps(run) == {"off": "skipped", "never": "skipped", "go": "succeeded"}
    assert [world.step(run, path).reason for path in ("off", "never")] == ["disabled", "condition not met"]


def test_items_of_nested_for_each_are_counted_by_their_numbers(world: World) -> None:
    inner = {"items": "box.lines", "as": "line", "max_items": 9, "steps": [call("pick", {"sku": "{{ line }}"})]}
    outer = {"items": "trigger.body.boxes", "as": "box", "max_items": 9, "steps": [{"id": "lines", "for_each": inner}]}
    flow = world.flow({"id": "boxes", "for_each": outer}, call("done"))
    run = world.play(flow, {"id": "o-1", "boxes": [{"lines": ["a", "b"]}, {"lines": ["c"]}]})
    assert run.status == Run.Status.SUCCEEDED
    sent = {call.item: call.params["sku"] for call in world.gateway.calls if call.item}
    assert sent == {"0.0": "a", "0.1": "b", "1.0": "c"}
    assert len({call.effect_key for call in world.gateway.calls}) == 4


def test_a_stop_ends_the_run_and_says_why(world: World) -> None:
    stop = {"id": "enough", "stop": {"status": "succeeded", "reason": "'nothing to do'"}}
    run = world.play(world.flow(stop, call("never")))
    assert run.status == Run.Status.SUCCEEDED
    assert world.step(run, "enough").reason == "nothing to do"
    assert world.gateway.paths == []


def test_a_wait_is_a_due_row_and_nothing_runs_before(world: World) -> None:
    run = world.play(world.flow({"id": "rest", "wait": {"for": "PT1H"}}, call("after")))
    assert (run.status, world.gateway.paths) == ("waiting", [])
    assert world.step(run, "rest").reason == "timer"
    world.work()
    assert world.gateway.paths == []
    run = world.go_on(run)
    assert (run.status, world.gateway.paths) == ("succeeded", ["after"])


def test_strands_of_a_parallel_block_wait_for_one_another(world: World) -> None:
    world.gateway.on("fan/left/a", retry(), ok())
    fan = {"branches": [{"id": "left", "steps": [call("a")]}, {"id": "right", "steps": [call("b")]}]}
    run = world.play(world.flow({"id": "fan", "parallel": fan}, call("after")))
    assert (run.status, world.steps(run)) == (
        "waiting",
        {"fan": "running", "fan/left/a": "retrying", "fan/right/b": "succeeded"},
    )
    run = world.go_on(run)
    assert run.status == Run.Status.SUCCEEDED
    assert sorted(world.gateway.paths) == ["after", "fan/left/a", "fan/left/a", "fan/right/b"]


def test_a_failure_in_one_strand_goes_before_the_suspension_of_another(world: World) -> None:
    world.gateway.on("fan/left/a", retry())
    world.gateway.on("fan/right/b", failed())
    fan = {"branches": [{"id": "left", "steps": [call("a")]}, {"id": "right", "steps": [call("b")]}]}
    run = world.play(world.flow({"id": "fan", "parallel": fan}))
    assert run.status == Run.Status.DEAD
    assert run.error_step == "fan/right/b"
