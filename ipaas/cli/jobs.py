"""Commands of deeds over many runs."""

from typing import Any
from uuid import UUID

import click

from ipaas.cli.shell import Shell, Told, command, flag, limit, sure

COLUMNS = ["id", "deed", "state", "total", "done", "failed", "percent", "rate_per_s", "reason", "started_by"]
identity = click.argument("job", type=click.UUID)


def register(main: click.Group) -> None:
    """Add the commands to ``ipaas``."""
    main.add_command(bulk_jobs)


@click.group("bulk-jobs", cls=Told)
def bulk_jobs() -> None:
    """Deeds over many runs: watch, hold, end."""


@command(bulk_jobs, "list")
@limit
def list_jobs(shell: Shell, limit: int) -> None:
    """Jobs, the newest first."""
    shell.table(shell.api.pages("bulk-jobs", most=limit), COLUMNS)


@command(bulk_jobs, "show")
@identity
def show_job(shell: Shell, job: UUID) -> None:
    """One job with how far it is."""
    columns = [*COLUMNS, "filter", "left_s", "last_error", "created_at", "finished_at"]
    shell.details(shell.api.get(f"bulk-jobs/{job}"), columns)


@command(bulk_jobs, "pause")
@identity
def pause_job(shell: Shell, job: UUID) -> None:
    """Do nothing more until the job is resumed."""
    _tell(shell, shell.api.post(f"bulk-jobs/{job}/pause"))


@command(bulk_jobs, "resume")
@identity
def resume_job(shell: Shell, job: UUID) -> None:
    """Go on where the job was held."""
    _tell(shell, shell.api.post(f"bulk-jobs/{job}/resume"))


@command(bulk_jobs, "stop")
@identity
@click.option("--reason", default="", help="Why; written into the audit trail.")
@flag("--yes", help="Do not ask.")
def stop_job(shell: Shell, job: UUID, reason: str, yes: bool) -> None:
    """End a job early; what is done stays done."""
    sure(f"End the job {job} for good?", yes=yes)
    _tell(shell, shell.api.post(f"bulk-jobs/{job}/stop", {"reason": reason}))


def _tell(shell: Shell, job: Any) -> None:
    shell.give(job, f"job {job['id']} is {job['state']}: {job['done']} of {job['total']} done")
