"""Ended runs enter the audit chain with the commit that ends them."""

from ipaas.audit.models import AuditEntry
from ipaas.audit.sequencer import sequence_all
from ipaas.core.actor import SYSTEM
from ipaas.runtime.digests import digest_of
from ipaas.runtime.models import Run, Work
from ipaas.runtime.pump import MAX_CRASHES
from ipaas.runtime.rows import EndedRow
from ipaas.runtime.services import resume_run
from tests.integration.runtime.conftest import World, call
from tests.integration.runtime.gateway import failed, ok


def entries(world: World) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(workspace_id=world.workspace.id, action="runs.journaled").order_by("id"))


def digest_of_stored(*runs: Run) -> str:
    return digest_of(
        EndedRow(run.workspace_id, run.id, run.status, run.finished_at, run.error_class, run.error_code, run.error_step)
        for run in Run.objects.filter(id__in=[run.id for run in runs])
        if run.finished_at is not None
    )


def test_every_ended_run_stands_in_an_entry_with_the_digest_of_its_end(world: World) -> None:
    world.gateway.on("charge", failed(), ok())
    flow = world.flow(call("charge"))
    runs = [world.start(flow, {"id": f"o-{number}"}) for number in range(3)]
    world.work()
    found = entries(world)
    told = {run_id: status for entry in found for run_id, status in entry.details["runs"].items()}
    assert told == {str(run.id): run.status for run in Run.objects.all()}
    assert sorted(told.values()) == ["dead", "succeeded", "succeeded"]
    for entry in found:
        batch = [run for run in runs if str(run.id) in entry.details["runs"]]
        assert (entry.details["count"], entry.details["digest"]) == (len(batch), digest_of_stored(*batch))
    assert sequence_all(world.workspace.id) >= len(found)
    assert all(entry.seq for entry in entries(world))


def test_a_changed_end_no_longer_fits_its_digest(world: World) -> None:
    run = world.play(world.flow(call("charge")))
    (entry,) = entries(world)
    assert entry.details["digest"] == digest_of_stored(run)
    Run.objects.filter(id=run.id).update(status="cancelled")
    assert entry.details["digest"] != digest_of_stored(run)


def test_a_run_that_ends_again_stands_in_a_later_entry(world: World) -> None:
    world.gateway.on("charge", failed(), ok())
    run = world.play(world.flow(call("charge")))
    resume_run(actor=SYSTEM, run=run)
    world.work()
    assert [entry.details["runs"][str(run.id)] for entry in entries(world)] == ["dead", "succeeded"]


def test_a_run_that_waits_is_not_told_of(world: World) -> None:
    world.play(world.flow({"id": "nap", "wait": {"for": "PT1H"}}))
    assert entries(world) == []


def test_a_run_set_aside_is_told_of_too(world: World) -> None:
    run = world.start(world.flow(call("charge")))
    Work.objects.filter(id=run.id).update(leased=True, crashes=MAX_CRASHES)
    world.work()
    (entry,) = entries(world)
    assert entry.details["runs"] == {str(run.id): "dead"}
