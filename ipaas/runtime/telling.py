"""Events of the platform's own that the engine writes: in the transaction of what they tell."""

import json
from typing import Any

from ipaas.core.clock import now
from ipaas.core.ids import uuid7
from ipaas.runtime.endings import Failure
from ipaas.runtime.execution import Execution
from ipaas.runtime.models import Run, Work
from ipaas.runtime.rows import OutboxRow, RunRow, Unit, WorkRow

RUN_EVENTS: dict[str, str] = {
    Run.Status.SUCCEEDED: "ipaas.run.succeeded",
    Run.Status.DEAD: "ipaas.run.dead_lettered",
    Run.Status.COMPENSATED: "ipaas.run.compensated",
    Run.Status.NEEDS_OPERATOR: "ipaas.run.needs_operator",
    Run.Status.CANCELLED: "ipaas.run.cancelled",
    Run.Status.DISCARDED: "ipaas.run.refused",
}


def add_notice(unit: Unit, run: RunRow, flow_slug: str, event: str, facts: dict[str, Any]) -> None:
    """Add an event about a run and the work of telling those who listen; ``facts`` are ids and labels."""
    event_id = uuid7()
    unit.add(
        "outbox",
        OutboxRow(
            id=event_id,
            workspace_id=run.workspace_id,
            environment_id=run.environment_id,
            type=event,
            subject=run.business_key[:200],
            source=f"flow/{flow_slug}"[:200],
            trace_id=run.trace_id,
            data=json.dumps({"run_id": str(run.id), "flow": flow_slug, **facts}),
            sealed=None,
        ),
    )
    unit.add(
        "work",
        WorkRow(event_id, Work.Kind.NOTICE, Work.Lane.DEFAULT, run.workspace_id, run.workspace_id, now(), 0, False),
    )


def end_facts(environment: str, failure: Failure | None) -> dict[str, str]:
    """What an event about the end of a run tells beside the run and its flow."""
    return {
        "environment": environment,
        "error_class": failure.error_class.value if failure else "",
        "error_code": failure.code[:200] if failure else "",
        "step": failure.path if failure else "",
    }


async def tell(execution: Execution, event: str, **facts: Any) -> None:
    """Add an event about the run of an execution, if anybody listens to its type."""
    if event in await execution.engine.wanted(execution.run.workspace_id):
        environment = execution.scope["run"]["environment"]
        add_notice(
            execution.unit, execution.run, execution.plan.flow_slug, event, {"environment": environment, **facts}
        )


async def tell_end(execution: Execution, status: str, failure: Failure | None) -> None:
    """Tell of the end of a run."""
    await tell(execution, RUN_EVENTS[status], **end_facts(execution.scope["run"]["environment"], failure))
