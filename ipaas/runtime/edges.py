"""What becomes of data that breaks the schema of an edge: the mode of its contract, by environment."""

from typing import Any

from ipaas.contracts.event_document import mode_in
from ipaas.contracts.queries import EventJudge
from ipaas.core.errors import ErrorClass
from ipaas.flows.blocks import Edge
from ipaas.runtime.endings import Failure
from ipaas.runtime.rows import BreachRow, RunRow

EVENT = "event:"
"""How the contract of a breach begins that is an event type's, and its edge."""
EVENT_CODE = "event_schema"
INPUT_CODE = "input_schema"
BLOCKED_CODE = "input_blocked"
OUTPUT_CODE = "output_schema"


def breach_of(edge: Edge | None, value: Any, run: RunRow, environment: str) -> BreachRow | None:
    """The first fault of a value at an edge of a run's flow; None without one. ``environment`` is the slug."""
    if edge is None or edge.validator.is_valid(value):
        return None
    first = edge.validator.errors(value)[0]
    return BreachRow(
        run_id=run.id,
        edge=edge.name,
        workspace_id=run.workspace_id,
        flow_id=run.flow_id,
        environment_id=run.environment_id,
        contract=edge.contract,
        mode=edge.mode_in(environment),
        place=first["path"][:500],
        keyword=first["keyword"],
        message=first["message"][:1000],
    )


def failure_of(breach: BreachRow | None) -> Failure | None:
    """How the run fails by a breach; None where the mode lets it pass."""
    if breach is None or breach.mode == "warn":
        return None
    code = OUTPUT_CODE if breach.edge == "output" else BLOCKED_CODE if breach.mode == "block" else INPUT_CODE
    message = f"{breach.edge}: {breach.place or 'body'}: {breach.message}"[:2000]
    return Failure("", "", ErrorClass.CONTRACT_VIOLATION, code, message)


def event_breach(judge: EventJudge | None, data: Any, run: RunRow, environment: str, step: str) -> BreachRow | None:
    """The first fault of an event's data at the step (its path, with the item) that wants to publish it."""
    if judge is None or judge.validator.is_valid(data):
        return None
    first = judge.validator.errors(data)[0]
    return BreachRow(
        run_id=run.id,
        edge=f"{EVENT}{step}",
        workspace_id=run.workspace_id,
        flow_id=run.flow_id,
        environment_id=run.environment_id,
        contract=f"{EVENT}{judge.reference}",
        mode=mode_in(judge.content, environment),
        place=first["path"][:500],
        keyword=first["keyword"],
        message=first["message"][:1000],
    )
