"""What the page templates are given: frozen shapes, filled by the views.

Addresses are plain strings. **An empty address of a deed means that the actor may not do it or that it makes no sense
now; its button is then not shown.** Data (``Json``) is redacted before it gets here. Times are aware datetimes,
durations milliseconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Json = Any


@dataclass(frozen=True)
class Link:
    label: str
    url: str


@dataclass(frozen=True)
class Tab:
    label: str
    url: str
    active: bool = False
    count: int | None = None


@dataclass(frozen=True)
class Option:
    value: str
    label: str
    selected: bool = False


@dataclass(frozen=True)
class CursorPage:
    """``label``: what is shown, such as "50 runs, newest first". Without labels the links say older and newer."""

    items: Sequence[Any]
    label: str = ""
    next_url: str = ""
    previous_url: str = ""
    next_label: str = ""
    previous_label: str = ""


@dataclass(frozen=True)
class Finding:
    """``severity``: error, warning, info. ``line`` and ``column`` start at 1."""

    severity: str
    message: str
    path: str = ""
    line: int | None = None
    column: int | None = None
    remedy: str = ""


@dataclass(frozen=True)
class DiffRow:
    """``kind``: added, removed, changed, same; before and after as text."""

    path: str
    kind: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class Impact:
    """One step of a deed's preview. ``mode``: called_again, recorded, computed, skipped."""

    title: str
    mode: str
    note: str = ""


@dataclass(frozen=True)
class ErrorView:
    """``error_class`` is a value of core.errors.ErrorClass."""

    error_class: str
    code: str
    message: str
    status: int | None = None
    remedy: str = ""


@dataclass(frozen=True)
class RunRow:
    id: str
    url: str
    flow: str
    status: str
    business_ids: Sequence[tuple[str, str]]
    started_at: datetime
    duration_ms: float | None = None
    step: str = ""
    error: ErrorView | None = None


@dataclass(frozen=True)
class Verdict:
    """A policy that acted: ``policy`` retry, breaker…; ``text`` what it decided; ``tone`` as of the state badges."""

    policy: str
    text: str
    tone: str = "idle"


@dataclass(frozen=True)
class AttemptView:
    number: int
    status: str
    offset_ms: float
    duration_ms: float | None
    http_status: int | None = None
    message: str = ""
    verdicts: Sequence[Verdict] = ()
    request: Json = None
    response: Json = None


@dataclass(frozen=True)
class WaitView:
    """Why a step waits and until when; ``offset_ms`` and ``duration_ms`` on the run's axis."""

    reason: str
    until: datetime | None
    offset_ms: float
    duration_ms: float


@dataclass(frozen=True)
class StepView:
    """``key`` is unique in the run (path and item). ``kind`` is a block kind. ``depth`` 0 to 4.

    ``note`` says why a step ended that did not end by itself.
    """

    key: str
    title: str
    kind: str
    status: str
    offset_ms: float
    duration_ms: float | None
    depth: int = 0
    item: str = ""
    connection: str = ""
    attempts: Sequence[AttemptView] = ()
    waits: Sequence[WaitView] = ()
    input: Json = None
    output: Json = None
    error: ErrorView | None = None
    skipped_reason: str = ""
    note: str = ""
    recorded: bool = False
    compare_url: str = ""
    replay_url: str = ""
    skip_url: str = ""
    settle_url: str = ""
    if_happened: Sequence[Impact] = ()
    if_not: Sequence[Impact] = ()
    """What follows when somebody settles that it happened, or that it did not."""


@dataclass(frozen=True)
class Effect:
    """Something the run changed outside. ``mode``: succeeded, compensated, unknown."""

    title: str
    connection: str
    reference: str
    mode: str


@dataclass(frozen=True)
class RunDetail:
    """``window_ms`` is the length of the time axis; ``version`` changes whenever anything shown changes.

    ``replay_points`` are the places a replay may start from, ``new_effects`` whether the reader may ask for new effect
    keys; ``note`` says what is left out of a very long run.
    """

    id: str
    flow: str
    flow_url: str
    flow_version: int
    environment: str
    status: str
    status_reason: str
    business_ids: Sequence[tuple[str, str]]
    trace_id: str
    started_at: datetime
    finished_at: datetime | None
    duration_ms: float | None
    window_ms: float
    trigger: str
    steps: Sequence[StepView]
    effects: Sequence[Effect]
    input: Json
    error: ErrorView | None
    version: str
    live: bool
    poll_url: str
    replay_of: Link | None = None
    replays: Sequence[Link] = ()
    replay_url: str = ""
    replay_preview_url: str = ""
    replay_points: Sequence[Option] = ()
    new_effects: bool = False
    correct_url: str = ""
    resume_url: str = ""
    cancel_url: str = ""
    raw_url: str = ""
    print_url: str = ""
    compare_url: str = ""
    audit_url: str = ""
    try_url: str = ""
    stories: Sequence[tuple[str, str, str]] = ()
    """Name, value and address of the story of each business id."""
    note: str = ""


@dataclass(frozen=True)
class DeadLetterGroup:
    """Dead letters of one cause; ``at_stake`` in words: "€ 12,340.00 · 31 customers"."""

    key: str
    error_class: str
    cause: str
    flow: str
    step: str
    count: int
    oldest_at: datetime
    at_stake: str
    url: str
    replay_all_url: str = ""
    discard_all_url: str = ""
    correct_all_url: str = ""


@dataclass(frozen=True)
class DeadLetterRow:
    id: str
    url: str
    flow: str
    business_ids: Sequence[tuple[str, str]]
    died_at: datetime
    error: ErrorView


@dataclass(frozen=True)
class BulkJob:
    """``status``: running, paused, stopped, done. ``failed`` were refused, ``note`` names the last refusal."""

    id: str
    title: str
    status: str
    done: int
    failed: int
    total: int
    rate_per_minute: int
    stop_url: str = ""
    pause_url: str = ""
    resume_url: str = ""
    note: str = ""

    @property
    def handled(self) -> int:
        return self.done + self.failed


@dataclass(frozen=True)
class FlowRow:
    slug: str
    url: str
    title: str
    owner: str
    state: str
    versions: Sequence[tuple[str, int]]
    """(environment, version live there)"""
    runs_today: int
    success_percent: float | None
    trend: Sequence[float]
    open_dead_letters: int = 0
    health: str = "idle"
    counted_all: bool = True
    """Whether ``runs_today`` is all of them; else there are more, and the rest speaks of the newest."""
    tags: Sequence[str] = ()


@dataclass(frozen=True)
class BlockView:
    """A block of a flow as a line of the readable structure. ``lane`` names a branch, e.g. "else"."""

    id: str
    title: str
    kind: str
    detail: str = ""
    compensation: str = ""
    disabled: bool = False
    lane: str = ""
    blocks: Sequence["BlockView"] = ()


@dataclass(frozen=True)
class VersionRow:
    number: int
    state: str
    sha256: str
    published_at: datetime | None
    published_by: str
    note: str
    environments: Sequence[str] = ()
    url: str = ""
    diff_url: str = ""
    ending: str = ""


@dataclass(frozen=True)
class ConnectionRow:
    """``health``: healthy, degraded, failed, unknown. ``breaker``: breaker_closed, breaker_half_open, breaker_open."""

    slug: str
    url: str
    title: str
    connector: str
    health: str
    breaker: str
    forced: bool
    quota_used: int
    quota_limit: int | None
    quota_text: str
    calls_per_minute: Sequence[float]
    error_percent: float
    expires_at: datetime | None = None


@dataclass(frozen=True)
class StubOperation:
    """``fault``: what is in force, in words, or empty."""

    name: str
    method: str
    path: str
    received: int
    fault: str = ""


@dataclass(frozen=True)
class LedgerRow:
    """``duplicate``: a repetition that was recognised; ``twice``: an effect that happened again."""

    at: datetime
    operation: str
    status: int
    key: str
    effect: str
    duplicate: bool = False
    twice: bool = False
    number: int = 0
    reference: str = ""


@dataclass(frozen=True)
class FaultRow:
    """A fault in force; ``left``: how often it may still fire, None for as often as it comes."""

    id: str
    operation: str
    text: str
    seen: int
    fired: int
    left: int | None = None


@dataclass(frozen=True)
class StubView:
    slug: str
    title: str
    address: str
    operations: Sequence[StubOperation]
    entities: Sequence[tuple[str, int]]
    fault_url: str = ""
    clear_url: str = ""
    reset_url: str = ""
    webhook_url: str = ""
    stop_url: str = ""
    connector_url: str = ""
    connect_url: str = ""


@dataclass(frozen=True)
class ApprovalRow:
    id: str
    url: str
    title: str
    flow: str
    asked_at: datetime
    expires_at: datetime | None
    status: str
    approvers: str
    summary: Sequence[tuple[str, str]] = ()
    decide_url: str = ""


@dataclass(frozen=True)
class OutcomeRow:
    """What a flow achieved today; ``achieved`` in business words: "412 orders shipped"."""

    flow: str
    url: str
    achieved: str
    succeeded: int
    under_way: int
    compensated: int
    stuck: int
    trend: Sequence[float]


@dataclass(frozen=True)
class TodoItem:
    """Something that waits for the reader. ``icon`` of the sprite."""

    icon: str
    text: str
    url: str
    since: datetime
    tone: str = "wait"
