"""The engine of one worker process: from claimed work to driven runs, with everything cached that runs share."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.db import close_old_connections, connections

from ipaas.catalog import gateway
from ipaas.contracts.queries import EventJudge, event_judge
from ipaas.core import context, jsonio, providers
from ipaas.core.cache import TimedCache
from ipaas.core.errors import ErrorClass, IpaasError, NotFound
from ipaas.core.ids import uuid7_time
from ipaas.core.logging import get_logger
from ipaas.events.models import Endpoint, Receipt
from ipaas.flows.plan import Plan
from ipaas.flows.queries import DeployedFlow, deployed_flow, flow_slug, flows_for_endpoint, flows_for_event, plan_for
from ipaas.outbox.emitting import WANTED
from ipaas.runtime.drive import add_burial, drive
from ipaas.runtime.edges import breach_of, failure_of
from ipaas.runtime.endings import Failure
from ipaas.runtime.execution import Execution, Recorded, payload_aad
from ipaas.runtime.holds import hold, is_paused, may_be_held
from ipaas.runtime.journal import Journal
from ipaas.runtime.models import TEST, Run, Work
from ipaas.runtime.receipts import read_receipt
from ipaas.runtime.rows import ReceiptState, RunRow, StepRow, Unit
from ipaas.runtime.starts import EnvironmentView, Origin, Start, add_start, environment_view, prepare_start, read_ids
from ipaas.runtime.store import Claimed, Loaded, Store
from ipaas.runtime.telling import RUN_EVENTS, add_notice, end_facts
from ipaas.runtime.values import add_trigger
from ipaas.vault.payloads import PayloadSealer, sealer_for

log = get_logger(__name__)
T = TypeVar("T")

CONFIG_TTL_S = 2.0
CHILD_OF_TEST = '{"test": true}'
MAX_PLANS = 512
MAX_SUBFLOW_DEPTH = 16
MAX_EVENT_DEPTH = 16
_THREADS = 2
Spawn = Callable[[Unit, Coroutine[Any, Any, None]], None]


class Engine:
    """Loads, starts and drives runs; one per process and loop. ``spawn`` runs a coroutine under a unit's claim."""

    def __init__(self, store: Store, *, lease_s: float) -> None:
        self.store = store
        self.journal = Journal(store)
        self.lease_s = lease_s
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="engine-orm")
        self._sealers: dict[UUID, PayloadSealer] = {}
        self._plans: dict[UUID, Plan] = {}
        self._running: dict[UUID, Execution] = {}
        self._environments: TimedCache[UUID, EnvironmentView] = TimedCache(CONFIG_TTL_S)
        self._endpoints: TimedCache[UUID, Endpoint | None] = TimedCache(CONFIG_TTL_S)
        self._paused: TimedCache[UUID, bool] = TimedCache(CONFIG_TTL_S)
        self._matches: TimedCache[tuple[UUID, str], list[DeployedFlow]] = TimedCache(CONFIG_TTL_S)
        self._judges: TimedCache[tuple[UUID, str], EventJudge | None] = TimedCache(CONFIG_TTL_S)
        self._wanted: TimedCache[UUID, frozenset[str]] = TimedCache(CONFIG_TTL_S)

    async def start(self) -> None:
        await self.store.open()
        self.journal.start()

    async def stop(self) -> None:
        await gateway.close()
        await self.journal.stop()
        await self.store.close()
        await self._close_threads()

    async def _close_threads(self) -> None:
        """Close the ORM connection of each thread; the barrier makes each take exactly one of the two jobs."""
        barrier = threading.Barrier(_THREADS, timeout=5)

        def close() -> None:
            connections.close_all()
            barrier.wait()

        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(self._threads, close) for _ in range(_THREADS)))
        self._threads.shutdown(wait=False)

    # -- shared configuration ------------------------------------------------------------------------------------

    async def in_thread(self, function: Callable[..., T], *args: Any) -> T:
        """Run synchronous ORM code beside the loop, on a connection that is checked first."""

        def run() -> T:
            close_old_connections()
            return function(*args)

        return await asyncio.get_running_loop().run_in_executor(self._threads, run)

    async def sealer(self, workspace_id: UUID) -> PayloadSealer:
        found = self._sealers.get(workspace_id)
        if found is None:
            found = self._sealers[workspace_id] = await self.in_thread(sealer_for, workspace_id)
        return found

    async def plan(self, version_id: UUID) -> Plan:
        found = self._plans.get(version_id)
        if found is None:
            if len(self._plans) >= MAX_PLANS:
                self._plans.clear()
            found = self._plans[version_id] = await self.in_thread(plan_for, version_id)
        return found

    async def environment(self, environment_id: UUID) -> EnvironmentView:
        return await self._environments.get(environment_id, lambda: self.in_thread(environment_view, environment_id))

    async def wanted(self, workspace_id: UUID) -> frozenset[str]:
        """The types of events that somebody listens to, at most two seconds old."""
        return await self._wanted.get(workspace_id, lambda: self.in_thread(providers.get(WANTED), workspace_id))

    async def event_judge(self, workspace_id: UUID, event: str) -> EventJudge | None:
        """What events of a type are held to, at most two seconds old."""
        return await self._judges.get((workspace_id, event), lambda: self.in_thread(event_judge, workspace_id, event))

    async def _endpoint(self, endpoint_id: UUID) -> Endpoint | None:
        return await self._endpoints.get(
            endpoint_id, lambda: self.in_thread(lambda: Endpoint.objects.filter(id=endpoint_id).first())
        )

    async def _flows_of(self, endpoint: Endpoint, event: str) -> list[DeployedFlow]:
        key = (endpoint.id, event)
        args = (endpoint.workspace_id, endpoint.environment_id, endpoint.slug, event)
        return await self._matches.get(key, lambda: self.in_thread(flows_for_endpoint, *args))

    # -- receipts ------------------------------------------------------------------------------------------------

    async def take_receipts(self, claimed: Sequence[Claimed], spawn: Spawn) -> None:
        """Start the runs that deliveries lead to."""
        rows = {row.id: row for row in await self.store.load_receipts([claim.id for claim in claimed])}
        for claim in claimed:
            unit = Unit((claim.id, claim.fence))
            row = rows.get(claim.id)
            if row is None:
                log.error("receipt without a row", action="receipt_missing", receipt_id=str(claim.id))
                unit.add("done", (claim.id,))
                spawn(unit, self._write(unit))
            else:
                spawn(unit, self._take_receipt(row, unit, spawn))

    async def _write(self, unit: Unit) -> None:
        await self.journal.write(unit)

    async def _take_receipt(self, row: Any, unit: Unit, spawn: Spawn) -> None:
        endpoint = await self._endpoint(row.endpoint_id)
        flows = await self._flows_of(endpoint, row.event) if endpoint is not None else []
        unit.add("done", (row.id,))
        if endpoint is None or not flows:
            came_from = endpoint.slug if endpoint is not None else "an endpoint that is deleted"
            note = f"no active flow takes {row.event or 'this event'} from {came_from}"
            unit.add("receipt", ReceiptState(row.id, Receipt.State.UNMATCHED, None, note))
            await self.journal.write(unit)
            return
        sealer = await self.sealer(row.workspace_id)
        trigger = read_receipt(row, sealer)
        environment = await self.environment(endpoint.environment_id)
        origin = Origin(trigger="webhook", receipt_id=row.id, trace_id=row.trace_id)
        await self._start_all(flows, environment, trigger, origin, unit, sealer, row.id, spawn)

    async def _start_all(
        self,
        flows: Sequence[DeployedFlow],
        environment: EnvironmentView,
        trigger: Mapping[str, Any],
        origin: Origin,
        unit: Unit,
        sealer: PayloadSealer,
        receipt_id: UUID | None,
        spawn: Spawn,
    ) -> None:
        """Several flows of one event begin together or not at all; one alone goes on in the same first write.

        The runs of paused flows are made too, and held.
        """
        starts, ids = [], []
        for flow in flows:
            plan = await self.plan(flow.version_id)
            paused = flow.paused
            start = prepare_start(plan, flow.flow_id, environment, trigger, origin, leased=not paused, held=paused)
            self.add_start(unit, start, leased=not paused)
            if receipt_id is None:
                add_trigger(unit, start.run.id, trigger, sealer)
            ids.append(str(start.run.id))
            if not paused:
                starts.append((start, plan))
        if receipt_id is not None:
            listed = "{" + ",".join(ids) + "}"
            unit.add("receipt", ReceiptState(receipt_id, Receipt.State.PROCESSED, listed, ""))
        alone = len(starts) == 1
        if alone:
            unit.keep()
            unit.next_owner = (starts[0][0].run.id, 1)
        else:
            await self.journal.write(unit)
        for start, plan in starts:
            own = unit if alone else Unit((start.run.id, 1))
            execution = Execution(
                run=start.run,
                plan=plan,
                unit=own,
                fence=1,
                engine=self,
                journal=self.journal,
                sealer=sealer,
                trigger=trigger,
                environment=(environment.slug, environment.variables),
                business_ids=start.business_ids,
                shown_ids=start.shown_ids,
                violation=start.violation,
            )
            if receipt_id is None:
                execution.recorded.payload_seq = 1
            if alone:
                await self._drive(execution)
            else:
                spawn(own, self._drive(execution))

    def add_start(self, unit: Unit, start: Start, *, leased: bool = True) -> None:
        """The rows of a run that begins, leased to this process unless it is to be claimed."""
        add_start(unit, start, lease_s=self.lease_s if leased else None)

    # -- events --------------------------------------------------------------------------------------------------

    async def take_events(self, claimed: Sequence[Claimed], spawn: Spawn) -> None:
        """Start the runs that listen to emitted events."""
        rows = {row.id: row for row in await self.store.load_events([claim.id for claim in claimed])}
        for claim in claimed:
            unit = Unit((claim.id, claim.fence))
            row = rows.get(claim.id)
            spawn(unit, self._take_event(row, unit, claim.id, spawn))

    async def _take_event(self, row: Any, unit: Unit, event_id: UUID, spawn: Spawn) -> None:
        unit.add("done", (event_id,))
        if row is None or row.environment_id is None:
            await self.journal.write(unit)
            return
        sealer = await self.sealer(row.workspace_id)
        data = jsonio.loads(sealer.open(bytes(row.sealed), b"event:" + row.id.bytes)) if row.sealed else None
        meta = jsonio.loads(row.data)
        depth = int(meta.get("depth", 0))
        trigger = {"kind": "event", "event": row.type, "id": str(row.id), "body": data, "headers": {}, "depth": depth}
        trigger["received_at"] = uuid7_time(row.id).isoformat()
        flows = await self._listeners(row, trigger) if depth <= MAX_EVENT_DEPTH else []
        if depth > MAX_EVENT_DEPTH:
            log.error("event chain too deep", action="event_depth", event_id=str(row.id), type=row.type)
        if not flows:
            await self.journal.write(unit)
            return
        environment = await self.environment(row.environment_id)
        origin = Origin(trigger="event", trace_id=row.trace_id)
        await self._start_all(flows, environment, trigger, origin, unit, sealer, None, spawn)

    async def _listeners(self, row: Any, trigger: Mapping[str, Any]) -> list[DeployedFlow]:
        found = await self.in_thread(flows_for_event, row.workspace_id, row.environment_id, row.type)
        wanted = []
        for flow in found:
            plan = await self.plan(flow.version_id)
            condition = getattr(plan.trigger, "filter", None)
            if condition is None or condition.evaluate({"trigger": trigger}):
                wanted.append(flow)
        return wanted

    # -- runs taken up again -------------------------------------------------------------------------------------

    async def take_runs(self, claimed: Sequence[Claimed], spawn: Spawn) -> None:
        """Take up runs that are due: retries, timers, decisions, expired leases, queued starts and replays."""
        ids = [claim.id for claim in claimed]
        loaded = await self.store.load_runs(ids)
        names = await self.store.load_business_ids(ids)
        wanted = [run.receipt_id for run in loaded.runs.values() if run.receipt_id is not None]
        receipts = {row.id: row for row in await self.store.load_receipts(wanted)} if wanted else {}
        for claim in claimed:
            unit = Unit((claim.id, claim.fence))
            row = loaded.runs.get(claim.id)
            if row is None:
                log.error("queued run without a row", action="run_missing", run_id=str(claim.id))
                unit.add("done", (claim.id,))
                spawn(unit, self._write(unit))
                continue
            receipt = receipts.get(row.receipt_id)
            spawn(unit, self._resume(claim, row, loaded, names.get(claim.id, {}), receipt, unit))

    async def _resume(
        self, claim: Claimed, row: Any, loaded: Loaded, names: Mapping[str, str], receipt: Any, unit: Unit
    ) -> None:
        if may_be_held(row) and await self._paused.get(row.flow_id, lambda: self.in_thread(is_paused, row.flow_id)):
            hold(unit, row, claim.wakes)
            await self.journal.write(unit)
            return
        sealer = await self.sealer(row.workspace_id)
        plan = await self.plan(row.version_id)
        environment = await self.environment(row.environment_id)
        recorded = read_recorded(row, loaded, sealer)
        trigger = recorded.values.get("trigger")
        if trigger is None:
            if receipt is None:
                raise NotFound(what="input of the run")
            trigger = read_receipt(receipt, sealer)
        run = RunRow(*(getattr(row, name) for name in RunRow._fields))
        violation, clear = None, names
        if plan.private_ids or _has_not_begun(recorded):
            ids, found = read_ids(plan, environment, trigger, uuid7_time(row.id))
            clear = {**names, **{name: ids[name] for name in plan.private_ids if name in ids}}
            if _has_not_begun(recorded):
                breach = breach_of(plan.input, trigger.get("body"), run, environment.slug)
                violation = failure_of(breach) or found
        execution = Execution(
            run=run,
            plan=plan,
            unit=unit,
            fence=claim.fence,
            engine=self,
            journal=self.journal,
            sealer=sealer,
            trigger=trigger,
            environment=(environment.slug, environment.variables),
            business_ids=clear,
            shown_ids=names,
            recorded=recorded,
            wakes=claim.wakes,
            cancel_reason=row.cancel_reason,
            violation=violation,
            failure=_row_failure(row),
        )
        await self._drive(execution)

    def note_cancelled(self, reasons: Mapping[UUID, str]) -> None:
        """Runs under way that somebody cancelled stop before their next block."""
        for run_id, reason in reasons.items():
            execution = self._running.get(run_id)
            if execution is not None:
                execution.cancel_reason = reason

    async def _drive(self, execution: Execution) -> None:
        self._running[execution.run.id] = execution
        context.trace.set(execution.trace)  # of this task alone, as are the facts
        context.correlation_id.set(execution.run.trace_id)
        context.facts.set(execution.facts)
        try:
            await drive(execution)
        finally:
            self._running.pop(execution.run.id, None)

    async def bury(self, claim: Claimed, abandon: Callable[[Claimed, str], None] | None = None) -> None:
        """Work that took its worker down again and again stops here, for a person to look at."""
        unit = Unit((claim.id, claim.fence))
        unit.add("done", (claim.id,))
        message = f"work on this died or failed {claim.crashes} times; see the workers' log"
        log.error("poison work set aside", action="work_buried", work_id=str(claim.id), kind=claim.kind)
        if abandon is not None:
            await self.in_thread(abandon, claim, message)
        elif claim.kind == Work.Kind.RECEIPT:
            unit.add("receipt", ReceiptState(claim.id, Receipt.State.REJECTED, None, message))
        elif claim.kind == Work.Kind.RUN:
            row = (await self.store.load_runs([claim.id])).runs.get(claim.id)
            if row is not None:
                failure = Failure("", "", ErrorClass.INTERNAL, "worker_died", message)
                run = RunRow(*(getattr(row, name) for name in RunRow._fields))
                slug, event = await self.in_thread(flow_slug, run.flow_id), RUN_EVENTS[Run.Status.DEAD]
                add_burial(unit, run, slug, failure)
                if event in await self.wanted(run.workspace_id):
                    place = (await self.environment(run.environment_id)).slug
                    add_notice(unit, run, slug, event, end_facts(place, failure))
        await self.journal.write(unit)

    async def start_child(self, parent: Execution, flow: str, params: Any, root: UUID) -> UUID:
        """Queue a child run of the deployed version of ``flow`` in the parent's own transaction."""
        run = parent.run
        if parent.depth > MAX_SUBFLOW_DEPTH:
            raise SubflowTooDeep(flow=flow, limit=MAX_SUBFLOW_DEPTH)
        deployed = await self.in_thread(deployed_flow, run.workspace_id, run.environment_id, flow)
        if deployed is None or deployed.paused:
            raise SubflowUnavailable(flow=flow, state="paused" if deployed else "not deployed")
        plan = await self.plan(deployed.version_id)
        environment = await self.environment(run.environment_id)
        trigger = {"kind": "flow", "event": "", "id": str(run.id), "body": params, "headers": {}}
        trigger |= {"received_at": parent.scope["now"], "depth": parent.depth}
        origin = Origin(
            trigger=TEST if parent.is_test else "flow",
            replay=CHILD_OF_TEST if parent.is_test else None,
            lane=run.lane,
            parent_run_id=run.id,
            root_run_id=root,
            trace_id=run.trace_id,
        )
        start = prepare_start(plan, deployed.flow_id, environment, trigger, origin, leased=False)
        if start.refused and start.violation is not None:
            raise InputRefused(flow=flow, reason=start.violation.message)
        self.add_start(parent.unit, start, leased=False)
        add_trigger(parent.unit, start.run.id, trigger, parent.sealer)
        return start.run.id


class SubflowUnavailable(IpaasError):
    """The flow {flow} is {state} in this environment."""

    code = "subflow_unavailable"
    title = "Sub-flow unavailable"


class InputRefused(IpaasError):
    """{flow} refuses what it is given: {reason}"""

    code = "subflow_input_refused"
    title = "Input refused by contract"
    error_class: ClassVar[ErrorClass] = ErrorClass.CONTRACT_VIOLATION


class SubflowTooDeep(IpaasError):
    """More than {limit} flows led here one by the other; {flow} is not started."""

    code = "subflow_too_deep"
    title = "Too many flows inside one another"
    remedy = "Look for a flow that starts itself, directly or through another."


def _has_not_begun(recorded: Recorded) -> bool:
    """Whether none of the flow's own steps ran: what is done about a failure begins without them."""
    return all(path.startswith("on_failure/") for path, _ in recorded.steps)


def read_recorded(row: Any, loaded: Loaded, sealer: PayloadSealer) -> Recorded:
    """Everything the journal holds of a run, opened."""
    recorded = Recorded()
    for step in loaded.steps.get(row.id, []):
        recorded.steps[(step.path, step.item)] = StepRow(*step)
    for seq, sealed in loaded.payloads.get(row.id, []):
        recorded.values.update(jsonio.loads(sealer.open(sealed, payload_aad(row.id, seq))))
        recorded.payload_seq = seq
    for effect in sorted(loaded.effects.get(row.root_run_id, []), key=lambda found: found.generation):
        recorded.effects[(effect.path, effect.item)] = effect
    recorded.approvals = loaded.approvals
    recorded.children = loaded.children.get(row.id, [])
    return recorded


def _row_failure(row: Any) -> Failure | None:
    if row.error_class is None:
        return None
    return Failure(row.error_step or "", "", ErrorClass(row.error_class), row.error_code or "", row.error_message or "")
