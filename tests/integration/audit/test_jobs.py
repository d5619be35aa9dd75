"""Exports and verifications in the background: claimed by the workers, downloadable, provable, forgotten in time."""

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ipaas import audit
from ipaas.audit import jobs
from ipaas.audit.models import AuditEntry, AuditJob, AuditPart
from ipaas.audit.querysets import AuditFilters
from ipaas.audit.verifier import verify
from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.clock import now
from ipaas.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from ipaas.core.ids import uuid7
from ipaas.runtime.models import Work
from tests.integration.runtime.conftest import World, gateway, sql, world

__all__ = ["gateway", "world"]


def deeds(world: World, count: int) -> None:
    for number in range(count):
        audit.record("settings.changed", actor=SYSTEM, workspace_id=world.workspace.id, details={"n": number})


def exported(world: World, fmt: str = "jsonl", **filters: str) -> AuditJob:
    wanted = AuditFilters.from_query(filters)
    return jobs.start_export(actor=SYSTEM, workspace_id=world.workspace.id, filters=wanted, fmt=fmt)


def auditor(world: World) -> Actor:
    return world.actor("audit.view", "audit.export")


@pytest.mark.parametrize("fmt", ["csv", "jsonl"])
def test_a_worker_writes_the_file_and_it_verifies_offline(
    world: World, fmt: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "PART_BYTES", 4000)
    monkeypatch.setattr(jobs, "NOTE_EVERY", 5)
    deeds(world, 40)
    job = exported(world, fmt, action="settings.changed")
    assert Work.objects.filter(id=job.id, kind=Work.Kind.AUDIT).exists()
    world.work()
    job.refresh_from_db()
    assert (job.state, job.error, Work.objects.count()) == ("done", "", 0)
    assert job.done == job.total
    assert AuditPart.objects.filter(job=job).count() > 1
    found, parts = jobs.job_parts(actor=auditor(world), job_id=job.id)
    data = b"".join(parts)
    assert (found.result["bytes"], found.result["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    file = tmp_path / f"audit.{fmt}"
    file.write_bytes(data)
    report = verify(file)
    assert (report.ok, report.entries, report.entries) == (True, 40, found.result["entries"])
    assert report.checkpoints >= 1
    assert found.result["checkpoint_seq"] == report.to_seq


def test_a_verification_tells_what_it_found(world: World) -> None:
    deeds(world, 3)
    job = jobs.start_verification(actor=SYSTEM, workspace_id=world.workspace.id)
    assert jobs.start_verification(actor=SYSTEM, workspace_id=world.workspace.id).id == job.id
    world.work()
    job.refresh_from_db()
    assert (job.state, job.result["ok"]) == ("done", True)
    sql("ALTER TABLE audit_entry DISABLE TRIGGER USER")
    sql("UPDATE audit_entry SET action = 'forged' WHERE seq = 2 AND workspace_id = %s", [world.workspace.id])
    sql("ALTER TABLE audit_entry ENABLE TRIGGER USER")
    job = jobs.start_verification(actor=SYSTEM, workspace_id=world.workspace.id)
    world.work()
    job.refresh_from_db()
    assert (job.state, job.result["ok"]) == ("done", False)
    assert any("Entry 2" in problem for problem in job.result["problems"])


def test_who_lost_the_work_writes_nothing_more(world: World) -> None:
    deeds(world, 3)
    job = exported(world)

    def lost() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        jobs.run_job(job.id, lost)
    job.refresh_from_db()
    assert (job.state, AuditPart.objects.count()) == ("running", 0)


def test_begun_anew_it_starts_over(world: World) -> None:
    deeds(world, 3)
    job = exported(world)
    AuditPart.objects.create(job=job, number=7, data=b"left over")
    world.work()
    job.refresh_from_db()
    assert job.state == "done"
    assert not AuditPart.objects.filter(number=7).exists()


def test_the_export_is_on_record_with_its_filter(world: World) -> None:
    exported(world, "csv", who="alice")
    entry = AuditEntry.objects.get(action="audit.exported")
    assert entry.details == {"format": "csv", "filters": {"who": "alice"}, "background": True}


def test_what_may_not_be_is_refused(world: World) -> None:
    given: dict[str, Any] = {"workspace_id": world.workspace.id, "filters": AuditFilters(), "fmt": "csv"}
    with pytest.raises(PermissionDenied):
        jobs.start_export(actor=world.actor("audit.view"), **given)
    with pytest.raises(InvalidInput):
        jobs.start_export(actor=SYSTEM, **{**given, "fmt": "pdf"})
    job = exported(world)
    with pytest.raises(Conflict):
        jobs.job_parts(actor=auditor(world), job_id=job.id)
    foreign = world.actor("audit.view", "audit.export", workspace_id=uuid7())
    with pytest.raises(NotFound):
        jobs.job_parts(actor=foreign, job_id=job.id)
    for _ in range(2):
        exported(world)
    with pytest.raises(Conflict):
        exported(world)


def test_old_files_go(world: World) -> None:
    deeds(world, 1)
    job = exported(world)
    world.work()
    assert jobs.delete_old_jobs() == 0
    AuditJob.objects.filter(id=job.id).update(finished_at=now() - timedelta(days=8))
    assert jobs.delete_old_jobs() > 0
    assert not AuditPart.objects.exists()
