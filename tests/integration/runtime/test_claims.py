"""Who holds the work: fences, leases, fair shares, and work that kills its worker."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from ipaas.catalog.gateway import GatewayCall, GatewayOutcome
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.core.ids import uuid7
from ipaas.runtime.journal import Journal
from ipaas.runtime.models import DeadLetter, Effect, Run, StepRun, Work
from ipaas.runtime.pump import MAX_CRASHES
from ipaas.runtime.rows import PayloadRow, Unit
from ipaas.runtime.services import resume_run
from ipaas.runtime.store import Claimed, ClaimLost, Store
from tests.integration.runtime.conftest import World, call, conninfo, sql
from tests.integration.runtime.gateway import failed, ok

LANES = (0, 1, 2)


def add_work(group: UUID, count: int, *, lane: int = 1, leased: bool = False, crashes: int = 0) -> list[UUID]:
    rows = [
        Work(
            id=uuid7(), kind=1, lane=lane, workspace_id=group, group_id=group, due_at=now() - timedelta(seconds=1),
            leased=leased, crashes=crashes,
        )
        for _ in range(count)
    ]  # fmt: skip
    return [row.id for row in Work.objects.bulk_create(rows)]


async def claims(*limits: int) -> list[list[Claimed]]:
    """Claim at once through one store each."""
    stores = [Store(conninfo()) for _ in limits]
    for store in stores:
        await store.open()
    try:
        wanted = (
            store.claim(limit=limit, lease_s=20, lanes=LANES) for store, limit in zip(stores, limits, strict=True)
        )
        return list(await asyncio.gather(*wanted))
    finally:
        for store in stores:
            await store.close()


def test_a_worker_that_lost_its_claim_writes_nothing(world: World) -> None:
    async def stolen(call: GatewayCall) -> GatewayOutcome:
        store = Store(conninfo())
        await store.open()
        async with store.pool.connection() as conn:
            await conn.execute("UPDATE runtime_work SET fence = fence + 1, due_at = now() + interval '1 hour'")
        await store.close()
        return ok({"id": "late"})

    world.gateway.on("charge", stolen)
    run = world.play(world.flow(call("charge"), call("ship")))
    assert run.status == Run.Status.RUNNING
    assert not StepRun.objects.filter(run_id=run.id).exists()
    assert Effect.objects.get().state == Effect.State.OPEN
    assert world.gateway.paths == ["charge"]


def test_the_one_that_takes_over_finishes_with_the_same_effect_key(world: World) -> None:
    async def stolen(call: GatewayCall) -> GatewayOutcome:
        store = Store(conninfo())
        await store.open()
        async with store.pool.connection() as conn:
            await conn.execute("UPDATE runtime_work SET fence = fence + 1")
        await store.close()
        return ok({"id": "late"})

    world.gateway.on("charge", stolen, ok({"id": "again"}))
    run = world.play(world.flow(call("charge")))
    run = world.go_on(run)
    assert run.status == Run.Status.SUCCEEDED
    assert len({sent.effect_key for sent in world.gateway.calls}) == 1
    assert world.output(run, "charge") == {"id": "again"}


def test_a_worker_that_stalled_before_a_stop_can_not_write_after_the_resumption(world: World) -> None:
    world.gateway.on("charge", failed())
    run = world.play(world.flow(call("charge")))
    resume_run(actor=SYSTEM, run=run)

    async def write_late() -> None:
        store = Store(conninfo())
        await store.open()
        try:
            await store.claim(limit=1, lease_s=20, lanes=LANES)
            for fence in range(3):
                with pytest.raises(ClaimLost):
                    await store.commit([(run.id, fence)], {"payload": [PayloadRow(run.id, 99, b"x")]})
        finally:
            await store.close()

    asyncio.run(write_late())


def test_a_unit_that_is_lost_does_not_take_its_neighbours_in_the_batch_down(world: World) -> None:
    held, lost = add_work(world.workspace.id, 2)

    async def write() -> list[Any]:
        store = Store(conninfo())
        await store.open()
        journal = Journal(store)
        journal.start()
        units = [Unit((held, 0)), Unit((lost, 7))]
        for unit in units:
            unit.add("payload", PayloadRow(unit.owner[0], 1, b"x"))
        try:
            return await asyncio.gather(*(journal.write(unit) for unit in units), return_exceptions=True)
        finally:
            await journal.stop()
            await store.close()

    first, second = asyncio.run(write())
    assert first == set()
    assert isinstance(second, ClaimLost)
    assert sql("SELECT run_id FROM runtime_payload") == [(held,)]


def test_claims_at_once_never_overlap(world: World) -> None:
    add_work(world.workspace.id, 60)
    taken = asyncio.run(claims(40, 40, 40))
    ids = [claim.id for batch in taken for claim in batch]
    assert len(ids) == len(set(ids))
    assert asyncio.run(claims(60, 60))
    assert not Work.objects.filter(leased=False).exists()
    assert set(Work.objects.values_list("fence", flat=True)) == {1}


def test_a_noisy_group_leaves_every_other_its_share(world: World) -> None:
    noisy, quiet, small = (uuid7() for _ in range(3))
    add_work(noisy, 200)
    add_work(quiet, 3)
    add_work(small, 1)
    (batch,) = asyncio.run(claims(30))
    taken = [claim.group_id for claim in batch]
    assert (taken.count(quiet), taken.count(small)) == (3, 1)
    assert taken.count(noisy) == 10


def test_lanes_are_served_by_weight(world: World) -> None:
    for lane in LANES:
        add_work(uuid7(), 50, lane=lane)
    (batch,) = asyncio.run(claims(50))
    assert [sum(claim.lane == lane for claim in batch) for lane in LANES] == [30, 15, 5]


def test_an_expired_lease_counts_as_a_crash_and_work_given_back_does_not(world: World) -> None:
    (crashed,) = add_work(uuid7(), 1, leased=True)
    (given_back,) = add_work(uuid7(), 1)
    (batch,) = asyncio.run(claims(9))
    assert {claim.id: claim.crashes for claim in batch} == {crashed: 1, given_back: 0}


def test_a_run_that_kills_its_worker_again_and_again_is_set_aside(world: World) -> None:
    run = world.start(world.flow(call("charge")))
    Work.objects.filter(id=run.id).update(leased=True, crashes=MAX_CRASHES)
    world.work()
    run.refresh_from_db()
    assert (run.status, run.error_code, world.gateway.paths) == ("dead", "worker_died", [])
    assert DeadLetter.objects.get().error_code == "worker_died"
    assert not Work.objects.exists()


def test_a_defect_in_one_run_leaves_its_neighbours_alone(world: World) -> None:
    async def broken(call: GatewayCall) -> GatewayOutcome:
        message = "a defect"
        raise RuntimeError(message)

    flow = world.flow(call("charge", {"id": "{{ trigger.body.id }}"}))
    world.gateway.on("charge", broken, ok())
    first, second = world.start(flow, {"id": "a"}), world.start(flow, {"id": "b"})
    world.work()
    statuses = {Run.objects.get(id=run.id).status for run in (first, second)}
    assert statuses == {"dead", "succeeded"}
    assert DeadLetter.objects.get().error_code == "RuntimeError"
    assert not Work.objects.exists()
