"""What the templates of the operator's wider pages are given: saved filters, comparisons, stories, jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ipaas.web.readmodels import DiffRow, Effect, ErrorView, Json


@dataclass(frozen=True)
class SavedFilterRow:
    """``owner`` is named where it is somebody else."""

    name: str
    url: str
    shared: bool
    owner: str = ""
    active: bool = False
    delete_url: str = ""


@dataclass(frozen=True)
class ComparedPart:
    """One part of a comparison: a step, or the input; ``note`` says what can not be compared."""

    title: str
    rows: Sequence[DiffRow]
    note: str = ""


@dataclass(frozen=True)
class Candidate:
    """A run to compare with, and why it is offered."""

    label: str
    url: str
    why: str
    status: str
    started_at: datetime


@dataclass(frozen=True)
class StoryRun:
    """One run of a story. ``did`` is what it changed outside itself; what came from the record of an earlier run is
    not repeated."""

    id: str
    url: str
    flow: str
    environment: str
    status: str
    started_at: datetime
    duration_ms: float | None
    trigger: str
    did: Sequence[Effect] = ()
    step: str = ""
    error: ErrorView | None = None
    compare_url: str = ""


@dataclass(frozen=True)
class AuditRow:
    seq: int | None
    at: datetime
    actor: str
    actor_kind: str
    action: str
    subject: str
    outcome: str
    ip: str
    details: Json
    hash: str
    meaning: str = ""


@dataclass(frozen=True)
class AuditJobRow:
    """An export or a verification in the background. ``status``: running, done, verified, broken, failed."""

    id: str
    title: str
    status: str
    done: int
    total: int
    started_by: str
    created_at: datetime
    note: str = ""
    error: str = ""
    download_url: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True)
class FailureRow:
    """A cause of open dead letters; ``worth`` in sums by currency, "" where no flow names an amount."""

    cause: str
    error_class: str
    flow: str
    step: str
    worth: str
    count: int
    oldest_at: datetime
    url: str


@dataclass(frozen=True)
class TroubleRow:
    """A connection, and what is the matter with it in words."""

    connection: str
    url: str
    text: str
