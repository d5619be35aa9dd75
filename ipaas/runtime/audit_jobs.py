"""Audit jobs as work of the queue: claimed, fenced, and begun anew by another worker when one is lost."""

from functools import partial
from uuid import UUID

from django.db import transaction

from ipaas.audit.jobs import fail_job, run_job
from ipaas.core.errors import IpaasError
from ipaas.runtime import writing
from ipaas.runtime.engine import Engine
from ipaas.runtime.models import Work
from ipaas.runtime.rows import Unit
from ipaas.runtime.store import Claimed


def queue_audit_job(job_id: UUID, workspace_id: UUID) -> None:
    """Put a job into the queue; part of the transaction that makes it."""
    writing.queue_again(
        job_id, kind=Work.Kind.AUDIT, lane=Work.Lane.BULK, workspace_id=workspace_id, group_id=workspace_id
    )


async def audit_task(engine: Engine, claim: Claimed, unit: Unit) -> None:
    """Do a claimed job in a thread; the pump renews its lease meanwhile."""
    del unit  # everything is written in transactions of its own, each fenced
    await engine.in_thread(_run, claim)


def _run(claim: Claimed) -> None:
    try:
        run_job(claim.id, partial(writing.own, claim))
    except IpaasError as error:
        fail_job(claim.id, f"{error.detail} {error.advice}".strip())
    with transaction.atomic():
        writing.own(claim)
        writing.write_rows({"done": [(claim.id,)]})


def abandon_audit_job(claim: Claimed, message: str) -> None:
    """A job that took its worker down again and again ends."""
    fail_job(claim.id, message)
