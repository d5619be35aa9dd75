"""How a run begins: the same rows whether a webhook, a schedule, a person or another flow starts it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from ipaas.accounts.models import Environment
from ipaas.core.clock import now
from ipaas.core.errors import ErrorClass, IpaasError
from ipaas.core.ids import uuid7
from ipaas.flows.plan import Plan
from ipaas.runtime.business_ids import business_rows, evaluate_business_ids, shown_business_ids
from ipaas.runtime.edges import BLOCKED_CODE, breach_of, failure_of
from ipaas.runtime.endings import Failure
from ipaas.runtime.models import Run, Work
from ipaas.runtime.rows import HELD_UNTIL, BreachRow, RunRow, Unit, WorkRow
from ipaas.runtime.values import add_trigger
from ipaas.vault.payloads import fingerprint_key


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentView:
    """What a run sees of its environment."""

    id: UUID
    workspace_id: UUID
    slug: str
    variables: Mapping[str, Any]


def environment_view(environment_id: UUID) -> EnvironmentView:
    """An environment as runs see it."""
    found = Environment.objects.get(id=environment_id)
    return EnvironmentView(
        id=found.id, workspace_id=found.workspace_id, slug=found.slug, variables=dict(found.variables)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Why a run begins; ``replay`` says what an operator asked for. Without ``run_id`` the run gets a new one."""

    trigger: str
    lane: int = Work.Lane.DEFAULT
    receipt_id: UUID | None = None
    parent_run_id: UUID | None = None
    root_run_id: UUID | None = None
    replay_of: UUID | None = None
    replay: str | None = None
    trace_id: str | None = None
    run_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """A run about to begin; with ``violation`` it fails at once, replayable with corrected input.

    ``business_ids`` are what expressions see, ``shown_ids`` what is stored readable. A ``breach`` of the input's
    schema may be one that the mode of its contract lets pass.
    """

    run: RunRow
    business_ids: Mapping[str, str]
    shown_ids: Mapping[str, str]
    violation: Failure | None
    breach: BreachRow | None = None

    @property
    def refused(self) -> bool:
        """Whether a caller who waits for the answer is to be told that nothing runs."""
        return self.violation is not None and self.violation.code == BLOCKED_CODE


def prepare_start(
    plan: Plan,
    flow_id: UUID,
    environment: EnvironmentView,
    trigger: Mapping[str, Any],
    origin: Origin,
    *,
    leased: bool,
    held: bool = False,
) -> Start:
    """The rows of a new run; its input is checked against the flow's contract and its business ids are read.

    A ``leased`` run is begun by its maker; one that is ``held`` waits until its flow is resumed.
    """
    run_id = origin.run_id or uuid7()
    moment = now()
    ids, violation = read_ids(plan, environment, trigger, moment)
    shown: Mapping[str, str] = ids
    if plan.private_ids:
        shown = shown_business_ids(plan, ids, trigger, fingerprint_key(environment.workspace_id))
    run = RunRow(
        id=run_id,
        workspace_id=environment.workspace_id,
        flow_id=flow_id,
        version_id=plan.version_id,
        environment_id=environment.id,
        root_run_id=origin.root_run_id or run_id,
        status=Run.Status.HELD if held else Run.Status.RUNNING if leased else Run.Status.QUEUED,
        lane=origin.lane,
        trigger=origin.trigger,
        receipt_id=origin.receipt_id,
        parent_run_id=origin.parent_run_id,
        replay_of=origin.replay_of,
        replay=origin.replay,
        trace_id=origin.trace_id or run_id.hex,
        business_key=shown.get(plan.primary, "")[:500],
        deadline_at=moment + timedelta(seconds=plan.deadline_s),
        started_at=moment if leased else None,
    )
    breach = breach_of(plan.input, trigger.get("body"), run, environment.slug)
    return Start(run, ids, shown, failure_of(breach) or violation, breach)


def read_ids(
    plan: Plan, environment: EnvironmentView, trigger: Mapping[str, Any], moment: datetime
) -> tuple[dict[str, str], Failure | None]:
    """The business ids of an input, and why they can not be had."""
    scope: dict[str, Any] = {
        "trigger": trigger,
        "steps": {},
        "run": {"flow": plan.flow_slug, "environment": environment.slug},
        "vars": environment.variables,
    }
    scope["now"] = moment.isoformat()
    try:
        ids = evaluate_business_ids(plan, scope)
    except IpaasError as error:
        message = f"business id: {error.detail}"[:2000]
        return {}, Failure("", "", ErrorClass.CONTRACT_VIOLATION, "business_id", message)
    if not ids.get(plan.primary):
        message = f"business id: {plan.primary} is empty; every run needs it"
        return ids, Failure("", "", ErrorClass.CONTRACT_VIOLATION, "business_id", message)
    return ids, None


def add_queued(unit: Unit, start: Start, trigger: Mapping[str, Any], sealer: Any) -> None:
    """The rows of a run that begins when a worker claims it; its input is kept with it."""
    add_start(unit, start, lease_s=None)
    add_trigger(unit, start.run.id, trigger, sealer)


def add_start(unit: Unit, start: Start, *, lease_s: float | None) -> None:
    """The rows of a run that begins; leased to its maker for that many seconds, or claimed by whoever comes first."""
    unit.add("run", start.run)
    unit.add("work", work_row(start.run, lease_s=lease_s))
    for row in business_rows(start.run, start.shown_ids):
        unit.add("business_id", row)
    if start.breach is not None:
        unit.add("breach", start.breach)


def work_row(run: RunRow, *, lease_s: float | None = None) -> WorkRow:
    """The queue entry of a new run: due at once, leased to its maker with fence 1, or held."""
    due_at = HELD_UNTIL if run.status == Run.Status.HELD else now() + timedelta(seconds=lease_s or 0)
    return WorkRow(
        id=run.id,
        kind=Work.Kind.RUN,
        lane=run.lane,
        workspace_id=run.workspace_id,
        group_id=run.flow_id,
        due_at=due_at,
        fence=1 if lease_s else 0,
        leased=lease_s is not None,
    )
