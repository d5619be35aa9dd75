"""Exports and verifications in the background: of long chains, with progress, kept for download for some days.

The file lies in the database in compressed pieces, so that any process on any host can hand it out, and goes with its
job. Whoever does the work lends the queue (``audit.queue``) and calls ``run_job``; a job begun anew starts over.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import zstandard
from django.db import transaction
from django.db.models import Max

from ipaas import audit
from ipaas.audit.exports import Format, Record, export_records, record_writer
from ipaas.audit.models import AuditChain, AuditCheckpoint, AuditJob, AuditPart
from ipaas.audit.querysets import AuditFilters
from ipaas.audit.sequencer import chain_of, sequence_all, write_checkpoint
from ipaas.audit.verifier import verify_records
from ipaas.config import settings
from ipaas.core import providers
from ipaas.core.actor import Actor, require_permission
from ipaas.core.clock import now
from ipaas.core.errors import Conflict, InvalidInput, NotFound
from ipaas.core.phrases import said
from ipaas.core.state_names import state_name

QUEUE = "audit.queue"
FORMATS = ("csv", "jsonl")
PART_BYTES = 1 << 20
NOTE_EVERY = 2000
"""Entries between two notes of progress."""
MOST_PROBLEMS = 20
MOST_RUNNING = 3
Hold = Callable[[], None]
"""Raises when the work was taken over by somebody else."""


@transaction.atomic
def start_export(*, actor: Actor, workspace_id: UUID, filters: AuditFilters, fmt: str) -> AuditJob:
    """Begin an export; that it was made is on record, with its filters, before it begins."""
    require_permission(actor, "audit.export", workspace_id)
    if fmt not in FORMATS:
        raise InvalidInput([{"path": "format", "code": "export.format", "message": said("is jsonl or csv")}])
    details = {"format": fmt, "filters": filters.as_json(), "background": True}
    audit.record("audit.exported", actor=actor, workspace_id=workspace_id, details=details)
    return _begin(actor, workspace_id, AuditJob.Kind.EXPORT, format=fmt, filters=filters.as_json())


@transaction.atomic
def start_verification(*, actor: Actor, workspace_id: UUID) -> AuditJob:
    """Begin to recompute the whole chain; one that is under way already is given back."""
    require_permission(actor, "audit.view", workspace_id)
    running = AuditJob.objects.filter(
        workspace_id=workspace_id, kind=AuditJob.Kind.VERIFY, state=AuditJob.State.RUNNING
    ).first()
    return running or _begin(actor, workspace_id, AuditJob.Kind.VERIFY)


def _begin(actor: Actor, workspace_id: UUID, kind: str, **given: Any) -> AuditJob:
    running = AuditJob.objects.filter(workspace_id=workspace_id, state=AuditJob.State.RUNNING).count()
    if running >= MOST_RUNNING:
        raise Conflict(
            what=said("{running} exports or verifications are under way; wait for one to end.", running=running)
        )
    job = AuditJob.objects.create(
        workspace_id=workspace_id, kind=kind, total=chain_length(workspace_id), started_by=actor.label[:200], **given
    )
    providers.get(QUEUE)(job.id, workspace_id)
    return job


def chain_length(workspace_id: UUID) -> int:
    found = AuditChain.objects.filter(workspace_id=workspace_id).values_list("seq", flat=True).first()
    return int(found or 0)


def job_parts(*, actor: Actor, job_id: UUID) -> tuple[AuditJob, Iterator[bytes]]:
    """A finished export and its file, piece by piece."""
    job = AuditJob.objects.filter(workspace_id__in=[actor.workspace_id], id=job_id, kind=AuditJob.Kind.EXPORT).first()
    if job is None:
        raise NotFound(what="export")
    require_permission(actor, "audit.export", job)
    if job.state != AuditJob.State.DONE:
        raise Conflict(
            what=said("This export is {state}; its file is there when it is done.", state=state_name(job.state))
        )
    return job, _read(job.id)


def _read(job_id: UUID) -> Iterator[bytes]:
    numbers = AuditPart.objects.filter(job_id=job_id).order_by("number").values_list("number", flat=True)
    for number in list(numbers):
        data = AuditPart.objects.filter(job_id=job_id, number=number).values_list("data", flat=True).first()
        if data is not None:
            yield zstandard.ZstdDecompressor().decompress(bytes(data))


def delete_old_jobs() -> int:
    """Forget jobs, and the files of exports, that ended longer ago than ``IPAAS_EXPORT_DAYS``."""
    old = AuditJob.objects.filter(finished_at__lt=now() - timedelta(days=settings().export_days))
    return old.delete()[0]


# -- the work ------------------------------------------------------------------------------------------------------


def run_job(job_id: UUID, hold: Hold) -> None:
    """Do a job from its beginning; ``hold`` is asked before every write, in the same transaction."""
    job = AuditJob.objects.filter(id=job_id, state=AuditJob.State.RUNNING).first()
    if job is None:
        return
    sequence_all(job.workspace_id)
    write_checkpoint(job.workspace_id)
    AuditJob.objects.filter(id=job.id).update(total=chain_length(job.workspace_id), done=0)
    result = _export(job, hold) if job.kind == AuditJob.Kind.EXPORT else _verify(job, hold)
    with transaction.atomic():
        hold()
        AuditJob.objects.filter(id=job.id).update(
            state=AuditJob.State.DONE, result=result, finished_at=now(), done=chain_length(job.workspace_id)
        )


def fail_job(job_id: UUID, message: str) -> None:
    """A job that can not be done ends with the reason."""
    running = AuditJob.objects.filter(id=job_id, state=AuditJob.State.RUNNING)
    running.update(state=AuditJob.State.FAILED, error=message[:500], finished_at=now())


def _verify(job: AuditJob, hold: Hold) -> dict[str, Any]:
    report = verify_records(_noted(job, export_records(job.workspace_id, AuditFilters()), hold))
    problems = [f"{f'Entry {one.seq}: ' if one.seq else ''}{one.message}" for one in report.problems[:MOST_PROBLEMS]]
    more = max(len(report.problems) - MOST_PROBLEMS, 0)
    return {"ok": report.ok, "to_seq": report.to_seq, "problems": problems, "more": more}


def _export(job: AuditJob, hold: Hold) -> dict[str, Any]:
    with transaction.atomic():
        hold()
        AuditPart.objects.filter(job_id=job.id).delete()
    filters = AuditFilters.from_query(job.filters)
    head, write = record_writer(cast("Format", job.format))
    out, counts = _File(job, hold), {"entries": 0, "omitted": 0}
    out.write(head)
    for record in _noted(job, export_records(job.workspace_id, filters), hold):
        out.write(write(record))
        if record["record"] == "trailer":
            counts = {name: record[name] for name in counts}
    out.flush()
    return {**counts, "bytes": out.size, "sha256": out.digest.hexdigest(), "checkpoint_seq": _last_checkpoint(job)}


def _last_checkpoint(job: AuditJob) -> int:
    found = AuditCheckpoint.objects.filter(chain_id=chain_of(job.workspace_id)).aggregate(high=Max("seq"))
    return int(found["high"] or 0)


def _noted(job: AuditJob, records: Iterable[Record], hold: Hold) -> Iterator[Record]:
    """The records, with how far they have come noted in the job's row."""
    noted = 0
    for record in records:
        seq = _reached(record)
        if seq - noted >= NOTE_EVERY:
            noted = seq
            with transaction.atomic():
                hold()
                AuditJob.objects.filter(id=job.id).update(done=seq)
        yield record


def _reached(record: Record) -> int:
    if record["record"] == "omitted":
        return int(record["from_seq"]) + len(record["digests"]) - 1
    return int(record["seq"]) if record["record"] == "entry" else 0


class _File:
    """Gathers a file and stores it in pieces."""

    def __init__(self, job: AuditJob, hold: Hold) -> None:
        self.size, self.digest = 0, hashlib.sha256()
        self._job, self._hold, self._number = job, hold, 0
        self._buffer = bytearray()

    def write(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) >= PART_BYTES:
            self.flush()

    def flush(self) -> None:
        if not self._buffer:
            return
        data = bytes(self._buffer)
        self._buffer.clear()
        self.size += len(data)
        self.digest.update(data)
        with transaction.atomic():
            self._hold()
            packed = zstandard.ZstdCompressor(level=6).compress(data)
            AuditPart.objects.create(job_id=self._job.id, number=self._number, data=packed)
        self._number += 1
