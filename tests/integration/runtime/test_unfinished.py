"""A run that ends inside of a branch, a parallel or a for-each leaves nothing standing, and can be taken up again."""

from collections.abc import Callable
from typing import Any

import pytest

from ipaas.core.actor import SYSTEM
from ipaas.core.errors import ErrorClass
from ipaas.runtime.approvals import decide_approval
from ipaas.runtime.models import Approval, Run, StepRun, Work
from ipaas.runtime.pump import MAX_CRASHES
from ipaas.runtime.replays import replay_run
from ipaas.runtime.services import cancel_run, resume_run, settle_effect, skip_step
from ipaas.runtime.unfinished import STANDING
from tests.integration.runtime.conftest import World, call, sql
from tests.integration.runtime.gateway import failed, ok, retry, unknown

LINES = {"id": "o-1", "lines": ["a", "b"]}
COMPENSATE = {"business_rejection": "compensate", "default": "dead_letter"}
Steps = list[dict[str, Any]]


def branch(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"id": "if", "branch": [{"when": "true", "steps": list(steps)}]}


def parallel(left: Steps, right: Steps) -> dict[str, Any]:
    return {"id": "fan", "parallel": {"branches": [{"id": "left", "steps": left}, {"id": "right", "steps": right}]}}


def each(*steps: dict[str, Any]) -> dict[str, Any]:
    spec = {"items": "trigger.body.lines", "as": "line", "max_items": 9, "concurrency": 2, "steps": list(steps)}
    return {"id": "each", "for_each": spec}


def nested(step: dict[str, Any]) -> dict[str, Any]:
    """A step in a branch in a for-each in one strand of a parallel, whose other strand waits for a retry."""
    return parallel([each(branch(step))], [call("slow")])


def standing(run: Run) -> list[str]:
    return [str(step) for step in StepRun.objects.filter(run_id=run.id, status__in=STANDING)]


def test_what_is_around_a_failed_step_fails_and_the_rest_is_cut_short(world: World) -> None:
    world.gateway.on("fan/left/each/if/ship#1", failed(ErrorClass.CONFLICT, "gone"))
    world.gateway.on("fan/right/slow", retry())
    run = world.play(world.flow(nested(call("ship"))), LINES)
    assert run.status == Run.Status.DEAD
    assert world.steps(run) == {
        "fan": "failed",
        "fan/left/each": "failed",
        "fan/left/each/if#0": "succeeded",
        "fan/left/each/if/ship#0": "succeeded",
        "fan/left/each/if#1": "failed",
        "fan/left/each/if/ship#1": "failed",
        "fan/right/slow": "cancelled",
    }
    fan = world.step(run, "fan")
    assert (fan.error_class, fan.error_code) == ("conflict", "gone")
    assert fan.detail == {"cause": {"step": "fan/left/each/if/ship", "item": "1"}}
    assert fan.finished_at is not None
    assert run.error_step == "fan/left/each/if/ship"


def test_resuming_takes_up_all_that_was_cut_short(world: World) -> None:
    world.gateway.on("fan/left/each/if/ship#1", failed(), ok({"id": "late"}))
    world.gateway.on("fan/right/slow", retry(), ok())
    run = world.play(world.flow(nested(call("ship")), call("after")), LINES)
    resume_run(actor=SYSTEM, run=run)
    steps = world.steps(run)
    assert steps["fan/right/slow"] == steps["fan/left/each/if/ship#1"] == "retrying"
    assert [steps[path] for path in ("fan", "fan/left/each", "fan/left/each/if#1")] == ["running"] * 3
    run = world.go_on(run)
    assert run.status == Run.Status.SUCCEEDED
    assert set(world.steps(run).values()) == {"succeeded"}
    assert world.gateway.paths.count("fan/left/each/if/ship#0") == 1
    assert world.gateway.paths[-1] == "after"


def test_what_is_skipped_inside_a_container_lets_it_end_well(world: World) -> None:
    world.gateway.on("if/ship", failed())
    run = world.play(world.flow(branch(call("ship")), call("after")))
    skip_step(actor=SYSTEM, run=run, reason="sent by courier")
    run = world.go_on(run)
    assert (run.status, world.steps(run)) == (
        "succeeded",
        {"if": "succeeded", "if/ship": "skipped", "after": "succeeded"},
    )
    assert world.step(run, "if").detail == {"case": 0}


def test_around_an_unknown_outcome_the_outcome_is_unknown_until_it_is_settled(world: World) -> None:
    world.gateway.on("fan/left/each/if/pay#0", unknown())
    run = world.play(world.flow(nested(call("pay"))), LINES)
    assert run.status == Run.Status.NEEDS_OPERATOR
    steps = world.steps(run)
    assert [steps[path] for path in ("fan", "fan/left/each", "fan/left/each/if#0")] == ["unknown"] * 3
    settle_effect(actor=SYSTEM, run=run, path="fan/left/each/if/pay", item="0", happened=True, result={}, reason="seen")
    run = world.go_on(run)
    assert run.status == Run.Status.SUCCEEDED
    assert set(world.steps(run).values()) == {"succeeded"}


def test_a_handled_failure_of_a_container_closes_it_and_is_not_walked_again(world: World) -> None:
    world.gateway.on("fan/left/ship", failed())
    world.gateway.on("fan/right/slow", retry(), ok())
    world.gateway.on("fan/on_failure/tell", retry(), ok())
    handler = {"classes": ["business_rejection"], "then": "continue", "steps": [call("tell")]}
    flow = world.flow({**parallel([call("ship")], [call("slow")]), "on_failure": handler}, call("after"))
    run = world.go_on(world.play(flow))
    assert run.status == Run.Status.SUCCEEDED
    assert world.steps(run) == {
        "fan": "failed",
        "fan/left/ship": "failed",
        "fan/right/slow": "cancelled",
        "fan/on_failure/tell": "succeeded",
        "after": "succeeded",
    }
    assert world.gateway.paths.count("fan/right/slow") == 1


def test_a_resume_behind_a_handled_failure_leaves_what_it_gave_up(world: World) -> None:
    world.gateway.on("fan/left/ship", failed())
    world.gateway.on("fan/right/slow", retry(), ok())
    world.gateway.on("after", failed(), ok())
    handler = {"classes": ["business_rejection"], "then": "continue", "steps": []}
    flow = world.flow({**parallel([call("ship")], [call("slow")]), "on_failure": handler}, call("after"))
    run = world.play(flow)
    resume_run(actor=SYSTEM, run=run)
    run = world.go_on(run)
    steps = world.steps(run)
    assert (run.status, steps["fan"], steps["fan/right/slow"]) == ("succeeded", "failed", "cancelled")
    assert world.gateway.paths.count("fan/right/slow") == 1


def test_a_cancelled_run_leaves_nothing_standing(world: World) -> None:
    world.gateway.on("fan/left/each/if/ship#1", retry())
    world.gateway.on("fan/right/slow", retry())
    run = world.play(world.flow(nested(call("ship"))), LINES)
    assert run.status == Run.Status.WAITING
    cancel_run(actor=SYSTEM, run=run, reason="not wanted")
    world.work()
    run.refresh_from_db()
    steps = world.steps(run)
    assert (run.status, standing(run)) == ("cancelled", [])
    assert {path for path, status in steps.items() if status == "cancelled"} == {
        "fan",
        "fan/left/each",
        "fan/left/each/if#1",
        "fan/left/each/if/ship#1",
        "fan/right/slow",
    }


def test_a_compensated_run_leaves_nothing_standing(world: World) -> None:
    world.gateway.on("fan/left/each/if/ship#1", failed())
    world.gateway.on("fan/right/slow", retry())
    flow = world.flow(call("charge", undo=True), nested(call("ship", undo=True)), failure=COMPENSATE)
    run = world.play(flow, LINES)
    steps = world.steps(run)
    assert (run.status, standing(run), steps["fan"]) == ("compensated", [], "failed")
    assert steps["charge~undo"] == steps["fan/left/each/if/ship~undo#0"] == "succeeded"


def test_an_undoing_under_way_is_not_taken_for_something_cut_short(world: World) -> None:
    world.gateway.on("if/ship", failed())
    world.gateway.on("charge~undo", retry(), failed(), ok())
    run = world.play(world.flow(call("charge", undo=True), branch(call("ship")), failure=COMPENSATE))
    steps = world.steps(run)
    assert (run.status, steps["charge~undo"], steps["if"]) == ("compensating", "retrying", "failed")
    run = world.go_on(run)
    assert run.status == Run.Status.NEEDS_OPERATOR
    resume_run(actor=SYSTEM, run=run)
    run = world.go_on(run)
    assert (run.status, world.steps(run)["if"], standing(run)) == ("compensated", "failed", [])


def test_a_stop_ends_its_branch_well_and_cuts_other_strands_short(world: World) -> None:
    world.gateway.on("fan/left/slow", retry())
    stop = {"id": "halt", "stop": {"status": "succeeded"}}
    run = world.play(world.flow(parallel([call("slow")], [branch(stop)])))
    assert (run.status, world.steps(run)) == (
        "succeeded",
        {
            "fan": "cancelled",
            "fan/left/slow": "cancelled",
            "fan/right/if": "succeeded",
            "fan/right/if/halt": "succeeded",
        },
    )


def test_a_passed_deadline_cuts_short_what_waits(world: World) -> None:
    run = world.play(world.flow(branch({"id": "rest", "wait": {"for": "PT1H"}})))
    sql("UPDATE runtime_run SET deadline_at = now() - interval '1 second'")
    run = world.go_on(run)
    assert (run.status, world.steps(run)) == ("dead", {"if": "cancelled", "if/rest": "cancelled"})
    sql("UPDATE runtime_run SET deadline_at = NULL")
    resume_run(actor=SYSTEM, run=run)
    assert world.steps(run) == {"if": "running", "if/rest": "waiting"}
    assert world.go_on(run).status == Run.Status.SUCCEEDED


def test_a_question_in_another_strand_is_still_asked_after_a_resume(world: World) -> None:
    world.gateway.on("fan/left/ship", failed(), ok())
    ask = {"id": "ask", "approval": {"title": "?", "evidence": {}, "approvers": "approver", "expires": "P1D"}}
    run = world.play(world.flow(parallel([call("ship")], [ask])))
    approval = Approval.objects.get()
    assert (run.status, world.steps(run)["fan/right/ask"], approval.state) == ("dead", "cancelled", "pending")
    resume_run(actor=SYSTEM, run=run)
    assert world.steps(run)["fan/right/ask"] == "waiting"
    world.work()
    decide_approval(actor=SYSTEM, approval=approval, decision="approved", shown=approval.evidence_sha256)
    run = world.go_on(run)
    assert (run.status, Approval.objects.get().state) == ("succeeded", "approved")


def test_a_run_that_ends_well_withdraws_what_another_strand_asked(world: World) -> None:
    ask = {"id": "ask", "approval": {"title": "?", "evidence": {}, "approvers": "approver", "expires": "P1D"}}
    stop = {"id": "halt", "stop": {"status": "succeeded"}}
    run = world.play(world.flow(parallel([ask], [stop])))
    assert (run.status, Approval.objects.get().state, standing(run)) == ("succeeded", "cancelled", [])


def bury(world: World, run: Run) -> None:
    del world
    sql("UPDATE runtime_work SET leased = true, crashes = %s, due_at = now() WHERE id = %s", [MAX_CRASHES, run.id])


def break_values(world: World, run: Run) -> None:
    """The next step meets a defect of ours, not an error of anybody's."""
    del run

    async def broken(*_: Any, **__: Any) -> Any:
        message = "a defect"
        raise RuntimeError(message)

    world.gateway.on("if/ship", broken)
    world.make_due()


@pytest.mark.parametrize("strike", [bury, break_values], ids=["worker died", "defect"])
def test_a_run_that_is_given_up_leaves_nothing_standing(world: World, strike: Callable[[World, Run], None]) -> None:
    world.gateway.on("if/ship", retry())
    run = world.play(world.flow(branch(call("ship"))))
    assert standing(run) == ["if", "if/ship"]
    strike(world, run)
    world.work()
    run.refresh_from_db()
    assert (run.status, world.steps(run)) == ("dead", {"if": "cancelled", "if/ship": "cancelled"})
    assert not Work.objects.exists()


def test_a_replay_begins_behind_a_container_whose_failure_was_handled(world: World) -> None:
    world.gateway.on("fan/left/ship", failed())
    world.gateway.on("after", failed(), ok())
    handler = {"classes": ["business_rejection"], "then": "continue", "steps": [call("tell")]}
    flow = world.flow({**parallel([call("ship")], [call("other")]), "on_failure": handler}, call("after"))
    run = world.play(flow)
    replay = replay_run(actor=SYSTEM, run=run, reason="again", from_step="after")
    world.work()
    replay.refresh_from_db()
    assert (replay.status, world.steps(replay)["fan"]) == ("succeeded", "failed")
    assert world.gateway.paths.count("fan/left/ship") == 1
