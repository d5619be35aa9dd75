"""Deliveries to a paused flow: kept as held runs, let go at a rate when it is resumed."""

import threading
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection

from ipaas.audit.models import AuditEntry
from ipaas.core.actor import SYSTEM
from ipaas.flows.models import Deployment, Flow
from ipaas.flows.services import pause_flow, resume_flow
from ipaas.runtime.bulk import start_bulk_job
from ipaas.runtime.holds import RELEASE_PER_S, held_count, release_held
from ipaas.runtime.models import DeadLetter, Run, Work
from ipaas.runtime.replays import preview_replay, replay_run
from ipaas.runtime.services import RunState, cancel_run, resume_run, settle_effect, skip_step, trigger_flow
from tests.integration.runtime.conftest import World, call
from tests.integration.runtime.test_deliveries import deliver, listening


def paused(world: World, count: int = 1) -> Flow:
    """A paused flow with so many deliveries."""
    endpoint = world.endpoint()
    flow: Flow = listening(world)
    pause_flow(flow=flow, actor=SYSTEM, reason="repair")
    deliver(endpoint, *[(f"d-{number}", "order.created", {"id": f"o-{number}"}) for number in range(count)])
    world.work()
    return flow


def test_a_delivery_to_a_paused_flow_is_held_and_shown(world: World) -> None:
    flow = paused(world)
    run = Run.objects.get()
    (receipt,) = world.receipts()
    assert (run.status, run.business_key, receipt.state, receipt.run_ids) == ("held", "o-0", "processed", [run.id])
    assert (held_count(flow.id), world.gateway.paths) == (1, [])
    assert release_held() == 0


def test_what_is_held_goes_on_when_the_flow_is_resumed_at_a_rate(world: World) -> None:
    flow = paused(world, 5)
    resume_flow(flow=flow, actor=SYSTEM)
    assert (release_held(), release_held(), held_count(flow.id)) == (5, 0, 0)
    dues = list(Work.objects.order_by("id").values_list("due_at", flat=True))
    gaps = [(later - sooner).total_seconds() for sooner, later in pairwise(dues)]
    assert gaps == [1 / RELEASE_PER_S] * 4
    entry = AuditEntry.objects.get(action="flow.held_released", workspace_id=world.workspace.id)
    assert (entry.subject_label, entry.details["runs"]) == (flow.slug, 5)
    world.make_due()
    world.work()
    assert set(Run.objects.values_list("status", flat=True)) == {"succeeded"}
    assert len(world.gateway.calls) == 5


def test_releases_at_once_release_once(world: World) -> None:
    resume_flow(flow=paused(world, 4), actor=SYSTEM)
    released: list[int] = []

    def release() -> None:
        try:
            released.append(release_held())
        finally:
            connection.close()

    threads = [threading.Thread(target=release) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(released) == 4
    assert AuditEntry.objects.filter(action="flow.held_released", workspace_id=world.workspace.id).count() == 1


def test_a_flow_that_is_mended_while_paused_runs_what_was_held_with_the_new_version(world: World) -> None:
    flow = paused(world)
    before = Run.objects.get()
    trigger = {"webhook": {"endpoint": "shop"}}
    world.flow(call("charge_anew"), slug=flow.slug, trigger=trigger)
    resume_flow(flow=Flow.objects.get(id=flow.id), actor=SYSTEM)
    release_held()
    run = Run.objects.get()
    assert run.version_id == Deployment.objects.get(flow=flow).version_id != before.version_id
    world.go_on(run)
    assert world.gateway.paths == ["charge_anew"]


def test_the_time_on_hold_does_not_count_against_the_deadline(world: World, clock: Any) -> None:
    flow = paused(world)
    before = Run.objects.get()
    resume_flow(flow=flow, actor=SYSTEM)
    clock.shift(timedelta(days=3))
    release_held()
    moved = Run.objects.get().deadline_at
    assert moved is not None
    assert before.deadline_at is not None
    assert moved - before.deadline_at == timedelta(days=3)


def test_a_flow_paused_again_during_the_release_holds_the_rest(world: World) -> None:
    flow = paused(world, 3)
    resume_flow(flow=flow, actor=SYSTEM)
    release_held()
    pause_flow(flow=Flow.objects.get(id=flow.id), actor=SYSTEM, reason="again")
    world.make_due()
    world.work()
    assert set(Run.objects.values_list("status", flat=True)) == {"held"}
    assert (held_count(flow.id), world.gateway.paths) == (3, [])


def test_one_paused_flow_does_not_hold_up_the_others_of_a_delivery(world: World) -> None:
    endpoint = world.endpoint()
    flow, other = listening(world), listening(world, "audit-orders")
    pause_flow(flow=flow, actor=SYSTEM, reason="repair")
    deliver(endpoint, ("d-1", "order.created", {"id": "o-1"}))
    world.work()
    assert dict(Run.objects.values_list("flow_id", "status")) == {flow.id: "held", other.id: "succeeded"}


def test_an_event_for_a_paused_flow_is_held_with_its_data(world: World) -> None:
    listener = world.flow(call("charge"), slug="listener", trigger={"event": {"type": "order.shipped"}})
    pause_flow(flow=listener, actor=SYSTEM, reason="repair")
    sender = world.flow({"id": "tell", "emit": {"type": "order.shipped", "data": {"id": "o-7"}}}, slug="sender")
    world.play(sender)
    held = Run.objects.get(flow_id=listener.id)
    assert held.status == "held"
    resume_flow(flow=Flow.objects.get(id=listener.id), actor=SYSTEM)
    release_held()
    held = world.go_on(held)
    assert (held.status, held.business_key) == ("succeeded", "o-7")


def test_a_held_run_can_be_cancelled(world: World) -> None:
    paused(world)
    run = Run.objects.get()
    cancel_run(actor=SYSTEM, run=run, reason="not wanted")
    world.work()
    run.refresh_from_db()
    assert (run.status, Work.objects.count(), world.gateway.paths) == ("cancelled", 0, [])


def test_a_start_that_was_queued_before_the_pause_is_held_too(world: World) -> None:
    flow = world.flow(call("charge"))
    run = trigger_flow(actor=SYSTEM, flow=flow, environment=world.environment, body={"id": "o-1"})
    pause_flow(flow=flow, actor=SYSTEM, reason="repair")
    world.work()
    run.refresh_from_db()
    assert (run.status, held_count(flow.id)) == ("held", 1)


HELD_DEEDS: dict[str, Callable[[Run], Any]] = {
    "replay": lambda run: replay_run(actor=SYSTEM, run=run, reason="again"),
    "preview": lambda run: preview_replay(actor=SYSTEM, run=run),
    "correction": lambda run: replay_run(actor=SYSTEM, run=run, reason="again", input={"id": "o-9"}),
    "resume": lambda run: resume_run(actor=SYSTEM, run=run),
    "skip": lambda run: skip_step(actor=SYSTEM, run=run, reason="no"),
    "settle": lambda run: settle_effect(actor=SYSTEM, run=run, path="charge", item="", happened=True),
}


@pytest.mark.parametrize("deed", HELD_DEEDS)
def test_a_held_run_is_neither_replayed_nor_resumed(world: World, deed: str) -> None:
    paused(world)
    run = Run.objects.get()
    with pytest.raises(RunState, match="The run is held"):
        HELD_DEEDS[deed](run)
    assert list(Run.objects.values_list("status", flat=True)) == ["held"]


def test_a_replay_for_a_paused_flow_is_not_held(world: World) -> None:
    flow = listening(world)
    run = world.play(flow)
    pause_flow(flow=flow, actor=SYSTEM, reason="repair")
    replay = replay_run(actor=SYSTEM, run=run, reason="again", new_effects=True)
    world.work()
    replay.refresh_from_db()
    assert (replay.status, len(world.gateway.calls)) == ("succeeded", 2)


def test_a_held_run_with_a_bad_input_is_cancelled_and_not_dead_lettered(world: World) -> None:
    endpoint = world.endpoint()
    flow: Flow = listening(world)
    pause_flow(flow=flow, actor=SYSTEM, reason="repair")
    deliver(endpoint, ("d-1", "order.created", {"other": 1}))
    world.work()
    run = Run.objects.get()
    assert run.status == "held"
    cancel_run(actor=SYSTEM, run=run, reason="not wanted")
    world.work()
    run.refresh_from_db()
    assert (run.status, DeadLetter.objects.exists()) == ("cancelled", False)


def test_all_that_is_held_is_discarded_at_once(world: World) -> None:
    flow = paused(world, 3)
    wanted = {"status": "held", "flow_id": str(flow.id)}
    start_bulk_job(
        actor=SYSTEM, workspace=world.workspace, deed="cancel", filter=wanted, rate_per_s=100.0,
        options={"reason": "not wanted"},
    )  # fmt: skip
    world.work()
    assert list(Run.objects.values_list("status", flat=True)) == ["cancelled"] * 3
    assert (held_count(flow.id), world.gateway.paths) == (0, [])
