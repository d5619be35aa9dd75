"""Deeds over many runs: at a rate, with progress, pausable, stoppable, and never endless."""

from datetime import timedelta
from typing import Any

import pytest

from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.clock import now
from ipaas.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from ipaas.core.ids import uuid7
from ipaas.runtime.bulk import (
    advance_bulk_job,
    jobs_visible_to,
    pause_bulk_job,
    preview_count,
    progress,
    resume_bulk_job,
    start_bulk_job,
    stop_bulk_job,
)
from ipaas.runtime.models import BulkJob, DeadLetter, Run, Work
from ipaas.runtime.store import Claimed, ClaimLost
from tests.integration.runtime.conftest import World, call, sql
from tests.integration.runtime.gateway import failed


def dead(world: World, count: int) -> list[Run]:
    world.gateway.on("charge", failed())
    flow = world.flow(call("charge"))
    runs = [world.start(flow, {"id": f"o-{number}"}) for number in range(count)]
    world.work()
    return runs


def begin(world: World, **changes: Any) -> BulkJob:
    given: dict[str, Any] = {"deed": "replay", "filter": {}, "rate_per_s": 100, "options": {"reason": "all fixed"}}
    return start_bulk_job(**{"actor": SYSTEM, "workspace": world.workspace, **given, **changes})


def test_a_bulk_replay_replays_every_open_dead_letter_once(world: World) -> None:
    dead(world, 3)
    world.gateway.clear()
    job = begin(world)
    assert job.total == 3
    world.work()
    job.refresh_from_db()
    assert progress(job) | {"left_s": 0} == {
        "state": "done", "total": 3, "done": 3, "failed": 0, "percent": 100, "left_s": 0, "last_error": "",
    }  # fmt: skip
    assert world.gateway.paths == ["charge"] * 3
    assert set(DeadLetter.objects.values_list("state", flat=True)) == {"replayed"}
    assert not Work.objects.exists()


def test_runs_that_fail_again_are_not_replayed_for_ever(world: World) -> None:
    dead(world, 2)
    job = begin(world)
    world.work()
    world.make_due()
    world.work()
    job.refresh_from_db()
    assert (job.state, job.done) == ("done", 2)
    assert DeadLetter.objects.filter(state="open").count() == 2
    assert len(world.gateway.calls) == 4


def test_the_rate_is_kept_by_due_rows(world: World) -> None:
    dead(world, 5)
    world.gateway.clear()
    job = begin(world, rate_per_s=2)
    world.work()
    job.refresh_from_db()
    assert (job.state, job.done, len(world.gateway.calls)) == ("running", 2, 2)
    assert now() < Work.objects.get().due_at <= now() + timedelta(seconds=1)
    assert progress(job)["percent"] == 40
    world.make_due()
    world.work()
    world.make_due()
    world.work()
    job.refresh_from_db()
    assert (job.state, job.done, len(world.gateway.calls)) == ("done", 5, 5)


def test_a_paused_job_goes_on_where_it_stood_and_a_stopped_one_never(world: World) -> None:
    dead(world, 3)
    world.gateway.clear()
    job = begin(world, rate_per_s=1)
    world.work()
    pause_bulk_job(actor=SYSTEM, job=job)
    world.make_due()
    world.work()
    assert len(world.gateway.calls) == 1
    resume_bulk_job(actor=SYSTEM, job=job)
    world.work()
    assert len(world.gateway.calls) == 2
    job = stop_bulk_job(actor=SYSTEM, job=job, reason="enough")
    world.make_due()
    world.work()
    assert (len(world.gateway.calls), job.state, job.done) == (2, "stopped", 2)
    for deed in (stop_bulk_job, pause_bulk_job, resume_bulk_job):
        with pytest.raises(Conflict):
            deed(actor=SYSTEM, job=job)


def test_one_refusal_does_not_stop_the_rest(world: World) -> None:
    first, _ = dead(world, 2)
    world.gateway.clear()
    sql("DELETE FROM runtime_payload WHERE run_id = %s", [first.id])
    job = begin(world)
    world.work()
    job.refresh_from_db()
    assert (job.state, job.done, job.failed) == ("done", 1, 1)
    assert job.last_error.startswith("input_gone")


def test_a_bulk_discard_and_a_bulk_cancel_take_what_the_filter_names(world: World) -> None:
    one, _two = dead(world, 2)
    begin(world, deed="discard", filter={"run_ids": [str(one.id)]})
    waiting = world.flow({"id": "rest", "wait": {"for": "PT1H"}}, slug="waiting")
    runs = [world.play(waiting, {"id": number}) for number in ("a", "b")]
    begin(world, deed="cancel", filter={"business_key": "b"})
    world.work()
    world.work()
    assert Run.objects.get(id=one.id).status == Run.Status.DISCARDED
    assert [Run.objects.get(id=run.id).status for run in runs] == ["waiting", "cancelled"]


def test_the_preview_counts_what_the_filter_names(world: World) -> None:
    runs = dead(world, 3)
    tomorrow = (now() + timedelta(days=1)).isoformat()

    def count(**conditions: Any) -> int:
        return preview_count(actor=SYSTEM, workspace=world.workspace, deed="replay", filter=conditions).number

    assert count() == 3
    assert count(flow_id=str(runs[0].flow_id), error_class="business_rejection") == 3
    assert count(cause="orders/charge: business_rejection rejected", until=tomorrow) == 3
    assert count(step="ship") == 0
    assert count(since=tomorrow) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"deed": "burn"},
        {"filter": {"colour": "red"}},
        {"filter": {"flow_id": "x"}},
        {"filter": {"since": "yesterday"}},
        {"filter": {"status": "dead"}},
        {"rate_per_s": 0},
        {"rate_per_s": 1e9},
        {"options": {}},
        {"options": {"reason": "x", "more": 1}},
    ],
)
def test_an_invalid_wish_is_refused(world: World, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        begin(world, **changes)
    assert not BulkJob.objects.exists()


def test_a_bulk_job_needs_the_permission_of_its_deed(world: World) -> None:
    job = begin(world)
    given: dict[str, Any] = {"workspace": world.workspace, "filter": {}}
    more: dict[str, Any] = {"rate_per_s": 1, "options": {"reason": "x", "new_effects": True}}
    stranger = world.actor("runs.replay", workspace_id=uuid7())
    with pytest.raises(PermissionDenied):
        preview_count(actor=world.actor("runs.cancel"), deed="replay", **given)
    with pytest.raises(PermissionDenied):
        start_bulk_job(actor=world.actor("runs.replay"), deed="replay", **given, **more)
    with pytest.raises(NotFound):
        start_bulk_job(actor=stranger, deed="replay", **given, **more)
    with pytest.raises(NotFound):
        stop_bulk_job(actor=stranger, job=job)


def test_a_worker_that_lost_the_claim_does_nothing(world: World) -> None:
    dead(world, 1)
    job = begin(world)
    work = Work.objects.get()
    stale = Claimed(job.id, work.kind, work.lane, work.workspace_id, work.group_id, work.fence - 1, 0, 0)
    with pytest.raises(ClaimLost):
        advance_bulk_job(stale)
    job.refresh_from_db()
    assert (job.done, Run.objects.count()) == (0, 1)


def test_a_key_bound_to_flows_touches_no_other_flow_and_no_job_of_others(world: World) -> None:
    world.gateway.on("charge", failed())
    mine, other = world.flow(call("charge"), slug="mine"), world.flow(call("charge"), slug="other")
    for flow in (mine, other):
        world.start(flow, {"id": "o-1"})
    world.work()
    world.gateway.clear()
    permissions = frozenset({"runs.replay"})
    bound = Actor("api_key", "k", "key", world.workspace.id, permissions, flows=frozenset({mine.id}))
    job = begin(world, actor=bound)
    assert job.total == 1
    world.work()
    assert list(DeadLetter.objects.filter(state="open").values_list("flow_id", flat=True)) == [other.id]
    others = begin(world)
    assert set(jobs_visible_to(bound)) == {job}
    with pytest.raises(NotFound):
        stop_bulk_job(actor=bound, job=others)
