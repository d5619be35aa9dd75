"""What must hold when things go wrong beside a run: outages, defects, renewals, cancellations at a bad moment."""

import asyncio
from typing import Any

import psycopg
import pytest
from django.db import OperationalError

from ipaas.catalog.gateway import GatewayCall, GatewayOutcome
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.core.errors import NotFound
from ipaas.events.models import Receipt
from ipaas.runtime import calls
from ipaas.runtime import engine as engine_module
from ipaas.runtime.journal import Journal, StoreGone
from ipaas.runtime.models import DeadLetter, Run, Work
from ipaas.runtime.pump import MAX_CRASHES, Pump
from ipaas.runtime.rows import PayloadRow, Unit
from ipaas.runtime.services import cancel_run
from ipaas.runtime.store import Store
from ipaas.runtime.tasks import HANDLERS
from tests.integration.runtime.conftest import World, call, conninfo, sql
from tests.integration.runtime.gateway import failed, ok, retry
from tests.integration.runtime.test_claims import add_work
from tests.integration.runtime.test_deliveries import deliver, listening


def outage(call: GatewayCall) -> Any:
    async def gone() -> GatewayOutcome:
        message = "the server closed the connection"
        raise OperationalError(message)

    return gone()


def test_strands_that_write_first_at_the_same_time_share_the_delivery_s_claim(world: World) -> None:
    strands = [{"id": name, "steps": [call(f"{name}_it")]} for name in ("left", "right")]
    endpoint = world.endpoint()
    world.flow({"id": "fan", "parallel": {"branches": strands}}, trigger={"webhook": {"endpoint": "shop"}})
    deliver(endpoint, ("d-1", "order.created", {"id": "o-1"}))
    world.work()
    assert (Run.objects.get().status, len(world.gateway.calls)) == ("succeeded", 2)
    assert not Work.objects.exists()


def test_runs_that_begin_together_keep_their_leases(world: World) -> None:
    endpoint = world.endpoint()
    listening(world), listening(world, "audit-orders")
    deliver(endpoint, ("d-1", "order.created", {"id": "o-1"}))
    pump = Pump(conninfo(), handlers=HANDLERS)
    seen: list[int] = []

    async def slow(call: GatewayCall) -> GatewayOutcome:
        for _ in range(3):
            await pump.renew()
        async with pump.engine.store.pool.connection() as conn:
            cursor = await conn.execute("SELECT count(*) FROM runtime_work WHERE due_at > now() + interval '15 s'")
            seen.append(int((await cursor.fetchone() or [0])[0]))
        return ok({"id": "slow"})

    async def work() -> None:
        await pump.open()
        try:
            await pump.run_until_idle()
        finally:
            await pump.close()

    world.gateway.on("charge", slow)
    asyncio.run(work())
    assert list(Run.objects.values_list("status", flat=True)) == ["succeeded"] * 2
    assert max(seen) == 2
    assert len(world.gateway.calls) == 2


def test_a_claim_that_is_missing_twice_is_lost(world: World) -> None:
    run = world.start(world.flow(call("charge")))
    pump = Pump(conninfo(), handlers=HANDLERS)

    async def robbed(call: GatewayCall) -> GatewayOutcome:
        async with pump.engine.store.pool.connection() as conn:
            await conn.execute("UPDATE runtime_work SET fence = fence + 1, due_at = now() + interval '1 hour'")
        await pump.renew()
        await asyncio.sleep(0)  # the first time is no reason yet to stop
        await pump.renew()
        await asyncio.Event().wait()
        return ok()

    async def work() -> None:
        await pump.open()
        try:
            await pump.run_until_idle()
        finally:
            await pump.close()

    world.gateway.on("charge", robbed)
    asyncio.run(work())
    run.refresh_from_db()
    assert (run.status, Work.objects.get().fence) == ("running", 2)


def test_a_defect_before_the_first_write_ends_the_run_and_the_delivery_once(world: World) -> None:
    endpoint = world.endpoint()
    listening(world)

    async def before_the_intent(call: GatewayCall, *, ledger: Any) -> GatewayOutcome:
        message = "a defect"
        raise RuntimeError(message)

    deliver(endpoint, ("d-1", "order.created", {"id": "o-1"}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls, "invoke", before_the_intent)
        world.work()
    run = Run.objects.get()
    assert (run.status, run.error_code) == ("dead", "RuntimeError")
    assert DeadLetter.objects.get().run_id == run.id
    assert Receipt.objects.get().state == "processed"
    assert not Work.objects.exists()


def test_an_outage_of_the_database_is_not_a_failure_of_the_run(world: World) -> None:
    world.gateway.on("charge", outage, ok({"id": "later"}))
    run = world.play(world.flow(call("charge")))
    assert (run.status, world.output(run, "charge")) == ("succeeded", {"id": "later"})
    assert not DeadLetter.objects.exists()


def test_work_that_can_not_be_begun_waits_longer_each_time_and_is_set_aside(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.start(world.flow(call("charge")))

    def missing(version_id: Any) -> Any:
        raise NotFound(what="mapping gone@1")

    monkeypatch.setattr(engine_module, "plan_for", missing)
    world.work()
    row = Work.objects.get()
    assert (row.crashes, row.leased, row.due_at > now()) == (1, False, True)
    for _ in range(MAX_CRASHES):
        run = world.go_on(run)
    assert (run.status, run.error_code) == ("dead", "worker_died")
    assert not Work.objects.exists()


def test_input_that_breaks_the_contract_never_reaches_the_steps_however_long_its_failure_takes(world: World) -> None:
    flow = world.flow(
        call("charge"),
        input={"schema": {"type": "object", "required": ["total"]}},
        on_failure=[call("tell")],
    )
    world.gateway.on("on_failure/tell", retry(), ok())
    run = world.play(flow, {"id": "o-1"})
    assert run.status == "waiting"
    run = world.go_on(run)
    assert (run.status, run.error_code) == ("dead", "input_schema")
    assert world.gateway.paths == ["on_failure/tell"] * 2


def test_a_cancellation_while_a_failure_is_dealt_with_cancels(world: World) -> None:
    world.gateway.on("charge", failed())
    world.gateway.on("on_failure/tell", retry())
    run = world.play(world.flow(call("charge"), on_failure=[call("tell")]))
    assert run.status == "waiting"
    cancel_run(actor=SYSTEM, run=run, reason="enough")
    assert world.go_on(run).status == "cancelled"
    assert not DeadLetter.objects.exists()


def test_what_is_undone_after_the_deadline_is_not_stopped_by_it(world: World) -> None:
    world.gateway.on("ship", retry())
    flow = world.flow(
        call("charge", undo=True), call("ship"), failure={"timeout": "compensate"}, on_failure=[call("tell")]
    )
    run = world.play(flow)
    sql("UPDATE runtime_run SET deadline_at = now() - interval '1 second'")
    run = world.go_on(run)
    assert (run.status, run.error_code) == ("compensated", "deadline_exceeded")
    late = {sent.step_path: sent.deadline_at for sent in world.gateway.calls[-2:]}
    assert late == {"on_failure/tell": None, "charge~undo": None}


def test_the_writer_outlives_a_defect_in_one_batch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = add_work(world.workspace.id, 2)
    real, broken = Store.commit, [RuntimeError("a defect"), psycopg.errors.DeadlockDetected()]

    async def commit(self: Store, *args: Any) -> Any:
        if broken:
            raise broken.pop(0)
        return await real(self, *args)

    monkeypatch.setattr(Store, "commit", commit)

    async def write() -> list[Any]:
        store = Store(conninfo())
        await store.open()
        journal = Journal(store)
        journal.start()
        found: list[Any] = []
        for work_id in (first, second):
            unit = Unit((work_id, 0))
            unit.add("payload", PayloadRow(work_id, 1, b"x"))
            found += await asyncio.gather(journal.write(unit), return_exceptions=True)
        await journal.stop()
        await store.close()
        return found

    defected, repeated = asyncio.run(write())
    assert isinstance(defected, RuntimeError)
    assert repeated == set()
    assert sql("SELECT run_id FROM runtime_payload") == [(second,)]


def test_after_a_commit_of_unknown_outcome_nothing_more_is_written_under_the_claim(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (work_id,) = add_work(world.workspace.id, 1)
    real, broken = Store.commit, [psycopg.OperationalError("gone")]

    async def commit(self: Store, *args: Any) -> Any:
        if broken:
            raise broken.pop()
        return await real(self, *args)

    monkeypatch.setattr(Store, "commit", commit)

    async def write() -> list[Any]:
        store = Store(conninfo())
        await store.open()
        journal = Journal(store)
        journal.start()
        unit, found = Unit((work_id, 0)), []
        for seq in (1, 2):
            unit.add("payload", PayloadRow(work_id, seq, b"x"))
            found += await asyncio.gather(journal.write(unit), return_exceptions=True)
        await journal.stop()
        await store.close()
        return found

    assert [type(error) for error in asyncio.run(write())] == [StoreGone, StoreGone]
    assert sql("SELECT seq FROM runtime_payload") == []


def test_cancelling_a_run_cancels_the_sub_flow_it_waits_for(world: World) -> None:
    world.flow(call("charge"), slug="child", trigger={"manual": {}})
    world.gateway.on("charge", retry())
    run = world.play(world.flow({"id": "sub", "flow": {"slug": "child", "with": {"id": "c-1"}, "wait": True}}))
    cancel_run(actor=SYSTEM, run=run, reason="enough")
    world.go_on(run)
    assert set(Run.objects.values_list("status", flat=True)) == {"cancelled"}


def test_flows_that_start_each_other_stop_somewhere(world: World) -> None:
    for slug, other in (("ping", "pong"), ("pong", "ping")):
        step = {"id": "sub", "flow": {"slug": other, "with": {"id": "again"}, "wait": False}}
        flow = world.flow(step, slug=slug, trigger={"manual": {}})
    world.play(flow)
    assert Run.objects.count() == engine_module.MAX_SUBFLOW_DEPTH + 1
    assert DeadLetter.objects.get().error_code == "subflow_too_deep"
