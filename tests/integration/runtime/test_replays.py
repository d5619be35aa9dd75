"""Running again from the records: nothing twice, unless somebody with the right asks for it."""

import threading
from typing import Any

import pytest
from django.db import connections

from ipaas.audit.models import AuditEntry
from ipaas.core.actor import SYSTEM
from ipaas.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from ipaas.core.ids import uuid7
from ipaas.outbox.models import OutboxEvent
from ipaas.runtime.models import DeadLetter, Run
from ipaas.runtime.replays import (
    EffectsUndone,
    ReplayUnderWay,
    correct_and_replay,
    discard_dead_letter,
    preview_replay,
    replay_dead_letter,
    replay_run,
    replays_of,
)
from ipaas.runtime.services import RunState
from ipaas.runtime.values import read_values
from tests.integration.runtime.conftest import World, call
from tests.integration.runtime.gateway import failed, ok


def replayed(world: World, run: Run, **wish: Any) -> Run:
    again = replay_run(actor=SYSTEM, run=run, reason="try again", **wish)
    world.work()
    again.refresh_from_db()
    return again


def each(*steps: dict[str, Any]) -> dict[str, Any]:
    spec = {"items": "trigger.body.lines", "as": "line", "max_items": 9, "concurrency": 1, "steps": list(steps)}
    return {"id": "each", "for_each": spec}


def test_a_replay_calls_nothing_again_that_succeeded(world: World) -> None:
    world.gateway.on("ship", failed(), ok({"id": "s-1"}))
    run = world.play(world.flow(call("charge"), call("ship", {"of": "{{ steps.charge.output.id }}"}), call("tell")))
    again = replayed(world, run)
    assert (again.status, again.replay_of, again.root_run_id) == ("succeeded", run.id, run.id)
    assert again.version_id == run.version_id
    assert world.gateway.paths == ["charge", "ship", "ship", "tell"]
    assert world.gateway.recorded == ["charge"]
    assert world.gateway.calls[1].effect_key == world.gateway.calls[2].effect_key
    letter = DeadLetter.objects.get(run_id=run.id)
    assert (letter.state, letter.replay_run_id, letter.closed_by) == ("replayed", again.id, "system")
    assert AuditEntry.objects.get(action="run.replayed").details["replay_run"] == str(again.id)
    assert replays_of(run.id) == [again]


def test_a_replay_of_a_success_calls_nothing_at_all(world: World) -> None:
    run = world.play(world.flow(call("charge"), each(call("pick"))), {"id": "o-1", "lines": ["a", "b"]})
    sent = len(world.gateway.calls)
    again = replayed(world, replayed(world, run))
    assert again.status == Run.Status.SUCCEEDED
    assert len(world.gateway.calls) == sent


def test_new_effect_keys_make_effects_happen_again(world: World) -> None:
    run = world.play(world.flow(call("charge")))
    again = replayed(world, run, new_effects=True)
    assert (again.status, again.root_run_id, again.replay_of) == ("succeeded", again.id, run.id)
    first, second = world.gateway.calls
    assert first.effect_key != second.effect_key


def test_a_replay_emits_no_event_twice_and_shares_the_effects_of_sub_flows(world: World) -> None:
    world.flow(call("inner"), slug="child")
    sub = {"id": "sub", "flow": {"slug": "child", "with": {"id": "c-1"}}}
    run = world.play(world.flow({"id": "say", "emit": {"type": "order.seen"}}, sub))
    again = replayed(world, run)
    assert again.status == Run.Status.SUCCEEDED
    assert world.gateway.paths == ["inner"]
    assert OutboxEvent.objects.filter(type="order.seen").count() == 1
    assert world.output(again, "sub") == world.output(run, "sub")
    assert world.output(again, "say") == world.output(run, "say")


def test_a_replay_from_a_step_takes_the_results_before_it(world: World) -> None:
    world.gateway.on("ship", failed(), ok())
    flow = world.flow(
        {"id": "shape", "map": {"fields": {"n": "source.n"}}},
        call("charge", {"n": "{{ steps.shape.output.n }}"}, undo=True),
        call("ship", {"of": "{{ steps.charge.output.id }}", "n": "{{ steps.shape.output.n }}"}),
    )
    run = world.play(flow, {"id": "o-1", "n": 3})
    again = replayed(world, run, from_step="ship")
    assert again.status == Run.Status.SUCCEEDED
    assert world.gateway.paths == ["charge", "ship", "ship"]
    assert world.gateway.recorded == []
    assert world.gateway.calls[2].params == {"of": "charge", "n": 3}
    assert world.step(again, "charge").reason == f"recorded in run {run.id}"
    assert read_values(again)["charge~undo#.params"] == {"what": "charge"}


def test_a_replay_from_a_step_with_new_keys_repeats_only_what_follows(world: World) -> None:
    run = world.play(world.flow(call("charge"), call("ship"), call("tell")))
    again = replayed(world, run, from_step="ship", new_effects=True)
    assert again.status == Run.Status.SUCCEEDED
    assert world.gateway.paths == ["charge", "ship", "tell", "ship", "tell"]


def test_a_replay_from_inside_a_branch_keeps_its_decision(world: World) -> None:
    fork = {
        "id": "fork",
        "branch": [{"when": "steps.look.output.n == 1", "steps": [call("one"), call("two")]}],
        "else": {"steps": [call("other")]},
    }
    world.gateway.on("look", ok({"n": 1}))
    run = world.play(world.flow(call("look"), fork))
    again = replayed(world, run, from_step="fork/two", new_effects=True)
    assert again.status == Run.Status.SUCCEEDED
    assert world.gateway.paths == ["look", "fork/one", "fork/two", "fork/two"]
    with pytest.raises(InvalidInput, match="did not go by"):
        replay_run(actor=SYSTEM, run=run, reason="x", from_step="fork/other")


@pytest.mark.parametrize("step", ["nowhere", "charge~undo", "ship", "on_failure/tell"])
def test_a_step_that_can_not_be_begun_from_is_refused(world: World, step: str) -> None:
    world.gateway.on("charge", failed())
    flow = world.flow(call("charge", undo=True), call("pack"), call("ship"), on_failure=[call("tell")])
    run = world.play(flow)
    with pytest.raises(InvalidInput):
        replay_run(actor=SYSTEM, run=run, reason="x", from_step=step)
    assert Run.objects.count() == 1


def test_one_item_of_a_for_each_is_replayed_alone(world: World) -> None:
    world.gateway.on("each/pack#1", failed(), ok())
    body = {"id": "o-1", "lines": ["a", "b", "c"]}
    run = world.play(world.flow(each(call("pick"), call("pack")), call("after")), body)
    assert run.status == Run.Status.DEAD
    world.gateway.calls.clear()
    again = replayed(world, run, from_step="each", item=1)
    assert again.status == Run.Status.SUCCEEDED
    assert world.gateway.paths == ["each/pack#1"]
    assert world.gateway.recorded == ["each/pick#1"]


def test_when_all_other_items_are_finished_the_run_goes_on_behind_the_one(world: World) -> None:
    world.gateway.on("each/pack#2", failed(), ok())
    body = {"id": "o-1", "lines": ["a", "b", "c"]}
    run = world.play(world.flow(each(call("pick"), call("pack")), call("after")), body)
    world.gateway.calls.clear()
    again = replayed(world, run, from_step="each", item=2)
    assert (again.status, world.gateway.paths) == ("succeeded", ["each/pack#2", "after"])


@pytest.mark.parametrize(("step", "item"), [("each", 7), ("after", 0), (None, 0)])
def test_an_item_that_has_not_run_is_refused(world: World, step: str | None, item: int) -> None:
    run = world.play(world.flow(each(call("pick")), call("after")), {"id": "o-1", "lines": ["a"]})
    with pytest.raises(InvalidInput):
        replay_run(actor=SYSTEM, run=run, reason="x", from_step=step, item=item)


def test_corrected_input_is_checked_and_run(world: World) -> None:
    contract = {"type": "object", "required": ["total"], "properties": {"total": {"type": "integer"}}}
    run = world.play(world.flow(call("charge", {"n": "{{ trigger.body.total }}"}), input={"schema": contract}))
    letter = world.letter(run)
    with pytest.raises(InvalidInput, match="input"):
        correct_and_replay(actor=SYSTEM, letter=letter, input={"id": "o-1", "total": "x"}, reason="typo")
    letter.refresh_from_db()
    assert letter.state == DeadLetter.State.OPEN
    steward = world.actor("deadletters.correct")
    again = correct_and_replay(actor=steward, letter=letter, input={"id": "o-1", "total": 5}, reason="typo")
    world.work()
    again.refresh_from_db()
    assert (again.status, again.root_run_id) == ("succeeded", run.id)
    assert world.gateway.calls[0].params == {"n": 5}
    with pytest.raises(Conflict):
        correct_and_replay(actor=SYSTEM, letter=letter, input={"id": "o-1", "total": 5}, reason="twice")


def test_a_correction_that_would_change_a_done_effect_stops_at_it(world: World) -> None:
    world.gateway.on("ship", failed())
    run = world.play(world.flow(call("charge", {"n": "{{ trigger.body.n }}"}), call("ship")), {"id": "o-1", "n": 1})
    again = replayed(world, run, input={"id": "o-1", "n": 2})
    assert (again.status, again.error_code, again.error_step) == ("dead", "effect_changed", "charge")
    assert world.gateway.paths == ["charge", "ship"]


def test_a_run_under_way_and_one_being_replayed_are_refused(world: World) -> None:
    run = world.start(world.flow(call("charge")))
    with pytest.raises(RunState):
        replay_run(actor=SYSTEM, run=run, reason="x")
    world.work()
    replay_run(actor=SYSTEM, run=run, reason="x")
    with pytest.raises(ReplayUnderWay):
        replay_run(actor=SYSTEM, run=run, reason="x")


def test_of_two_replays_at_once_one_wins(world: World) -> None:
    run = world.play(world.flow(call("charge")))
    gate, outcomes = threading.Barrier(2), []

    def attempt() -> None:
        gate.wait()
        try:
            outcomes.append(replay_run(actor=SYSTEM, run=run, reason="x").status)
        except ReplayUnderWay as error:
            outcomes.append(error.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=attempt) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["queued", "replay_under_way"]


def test_a_compensated_run_is_replayed_only_as_a_whole_with_new_keys(world: World) -> None:
    world.gateway.on("ship", failed(), ok())
    flow = world.flow(call("charge", undo=True), call("ship"), failure={"business_rejection": "compensate"})
    run = world.play(flow)
    assert run.status == Run.Status.COMPENSATED
    for wish in ({}, {"new_effects": True, "from_step": "ship"}):
        with pytest.raises(EffectsUndone):
            replay_run(actor=SYSTEM, run=run, reason="x", **wish)
    assert replayed(world, run, new_effects=True).status == Run.Status.SUCCEEDED
    assert world.gateway.paths == ["charge", "ship", "charge~undo", "charge", "ship"]


def test_a_discarded_letter_is_closed_for_good(world: World) -> None:
    world.gateway.on("charge", failed())
    run = world.play(world.flow(call("charge")))
    letter = discard_dead_letter(
        actor=world.actor("deadletters.discard"), letter=world.letter(run), reason="test order"
    )
    run.refresh_from_db()
    assert (run.status, letter.state, letter.close_reason) == ("discarded", "discarded", "test order")
    assert AuditEntry.objects.filter(action="run.discarded").count() == 1
    with pytest.raises(Conflict):
        discard_dead_letter(actor=SYSTEM, letter=letter, reason="again")


def test_each_wish_needs_its_own_permission(world: World) -> None:
    world.gateway.on("charge", failed())
    run = world.play(world.flow(call("charge")))
    letter = world.letter(run)
    some = world.actor("runs.replay")
    wishes: list[dict[str, Any]] = [{"new_effects": True}, {"input": {"id": "x"}}]
    for wish in wishes:
        with pytest.raises(PermissionDenied):
            replay_run(actor=some, run=run, reason="x", **wish)
    with pytest.raises(PermissionDenied):
        replay_run(actor=world.actor("deadletters.correct"), run=run, reason="x")
    with pytest.raises(PermissionDenied):
        discard_dead_letter(actor=some, letter=letter, reason="x")
    stranger = world.actor("runs.replay", "deadletters.discard", "deadletters.correct", workspace_id=uuid7())
    with pytest.raises(NotFound):
        replay_run(actor=stranger, run=run, reason="x")
    with pytest.raises(NotFound):
        discard_dead_letter(actor=stranger, letter=letter, reason="x")
    with pytest.raises(NotFound):
        correct_and_replay(actor=stranger, letter=letter, input={"id": "x"}, reason="x")
    assert Run.objects.count() == 1


def test_a_preview_says_what_a_replay_would_do_and_does_nothing(world: World) -> None:
    world.gateway.on("ship", failed())
    run = world.play(world.flow(call("charge"), call("ship")))
    before = Run.objects.count()
    whole = preview_replay(actor=SYSTEM, run=run)
    assert (whole.taken, whole.recorded, whole.repeated) == ((), ("charge",), ())
    later = preview_replay(actor=SYSTEM, run=run, from_step="ship", new_effects=True)
    assert (later.taken, later.recorded, later.repeated) == (("charge",), ("charge",), ())
    anew = preview_replay(actor=SYSTEM, run=run, new_effects=True)
    assert (anew.recorded, anew.repeated) == ((), ("charge",))
    with pytest.raises(InvalidInput):
        preview_replay(actor=SYSTEM, run=run, from_step="nowhere")
    assert (Run.objects.count(), DeadLetter.objects.filter(state="open").count()) == (before, 1)


def test_a_letter_that_somebody_closed_is_not_replayed_with_what_was_seen_before(world: World) -> None:
    world.gateway.on("charge", failed())
    run = world.play(world.flow(call("charge"), failure={"default": "dead_letter"}))
    seen = world.letter(run)
    discard_dead_letter(actor=SYSTEM, letter=world.letter(run), reason="a test order")

    with pytest.raises(Conflict, match="discarded already"):
        replay_dead_letter(actor=SYSTEM, letter=seen, reason="too late")
    assert replays_of(run.id) == []


def test_a_letter_is_replayed_once_however_often_its_replay_fails(world: World) -> None:
    world.gateway.on("charge", failed())
    run = world.play(world.flow(call("charge"), failure={"default": "dead_letter"}))
    seen = world.letter(run)
    replay_dead_letter(actor=SYSTEM, letter=seen, reason="first")
    world.work()

    with pytest.raises(Conflict, match="replayed already"):
        replay_dead_letter(actor=SYSTEM, letter=seen, reason="second")
    assert len(replays_of(run.id)) == 1


def test_of_a_replay_and_a_discard_at_once_one_wins(world: World) -> None:
    world.gateway.on("charge", failed())
    run = world.play(world.flow(call("charge"), failure={"default": "dead_letter"}))
    seen, begin, ended = world.letter(run), threading.Barrier(2), []

    def do(deed: Any) -> None:
        begin.wait()
        try:
            deed(actor=SYSTEM, letter=seen, reason="now")
            ended.append("done")
        except Conflict:
            ended.append("refused")
        finally:
            connections.close_all()

    people = [threading.Thread(target=do, args=(deed,)) for deed in (replay_dead_letter, discard_dead_letter)]
    for person in people:
        person.start()
    for person in people:
        person.join()

    assert sorted(ended) == ["done", "refused"]
    replayed_now = DeadLetter.objects.get(id=seen.id).state == "replayed"
    assert len(replays_of(run.id)) == int(replayed_now)
