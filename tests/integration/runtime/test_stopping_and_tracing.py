"""A stop that leaves nothing held, and a trace that goes from the sender through the run to the other side."""

import asyncio
import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from ipaas.catalog import gateway as real_gateway
from ipaas.catalog.gateway import GatewayCall, GatewayOutcome
from ipaas.core.actor import SYSTEM
from ipaas.core.logging import configure_logging, get_logger
from ipaas.core.meters import LEASES_LAPSED
from ipaas.governance import services as governance
from ipaas.runtime import pump as pump_module
from ipaas.runtime.models import Attempt, Run, Work
from ipaas.runtime.pump import Pump
from ipaas.runtime.tracing import attempt_span_id
from tests.factories.flow_documents import schema
from tests.integration.runtime.conftest import World, call, conninfo
from tests.integration.runtime.gateway import ok, retry

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def stop_while(world: World, monkeypatch: pytest.MonkeyPatch, answered: Callable[[asyncio.Event], Any]) -> Run:
    """Stop the pump while a call is under way; ``answered`` decides what becomes of the call."""
    monkeypatch.setattr(pump_module, "DRAIN_S", 0.05)
    run = world.start(world.flow(call("charge")))

    async def go() -> None:
        under_way, stopped = asyncio.Event(), asyncio.Event()

        async def hold(_: GatewayCall) -> GatewayOutcome:
            under_way.set()
            await answered(stopped)
            return ok({"id": "c-1"})

        world.gateway.on("charge", hold)
        pump = Pump(conninfo(), handlers={})
        await pump.open()
        working = asyncio.create_task(pump.run())
        await under_way.wait()
        pump.stop()
        stopped.set()
        await working
        await pump.close()

    asyncio.run(go())
    run.refresh_from_db()
    return run


def test_a_call_that_ends_in_time_is_finished_before_the_stop(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run = stop_while(world, monkeypatch, lambda stopped: stopped.wait())
    assert run.status == "succeeded"
    assert not Work.objects.exists()


def test_a_call_that_does_not_end_is_given_back_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = LEASES_LAPSED._value.get()
    run = stop_while(world, monkeypatch, lambda _: asyncio.Event().wait())
    work = Work.objects.get(id=run.id)
    assert (work.leased, work.crashes) == (False, 0)
    world.gateway.clear()
    world.work()
    run.refresh_from_db()
    assert run.status in ("succeeded", "needs_operator")
    assert LEASES_LAPSED._value.get() == before


def test_a_lease_nobody_released_is_counted(world: World) -> None:
    run = world.start(world.flow(call("charge")))
    Work.objects.filter(id=run.id).update(leased=True)
    before = LEASES_LAPSED._value.get()
    world.work()
    assert LEASES_LAPSED._value.get() == before + 1


def test_the_engine_closes_the_gateway_of_its_loop(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[asyncio.AbstractEventLoop] = []

    async def close() -> None:
        closed.append(asyncio.get_running_loop())

    monkeypatch.setattr(real_gateway, "close", close)
    world.work()
    assert len(closed) == 1


def test_every_attempt_has_a_span_of_its_own_in_the_trace_of_the_run(world: World) -> None:
    world.gateway.on("charge", retry(), ok({"id": "c-1"}))
    run = world.go_on(world.play(world.flow(call("charge"))))
    sent = [seen.trace for seen in world.gateway.calls]
    attempts = list(Attempt.objects.filter(run_id=run.id).order_by("number"))
    assert [trace.trace_id for trace in sent] == [run.trace_id, run.trace_id]
    assert [trace.span_id for trace in sent] == [attempt_span_id(run.id, row.seq, row.number) for row in attempts]
    assert len({trace.span_id for trace in sent}) == 2
    assert all(trace.traceparent == f"00-{run.trace_id}-{trace.span_id}-01" for trace in sent)


@pytest.fixture
def logged() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logging(stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_every_record_of_a_run_tells_its_trace_and_its_business_ids(
    world: World, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    async def tell(_: GatewayCall) -> GatewayOutcome:
        get_logger("ipaas.test").info("in the midst of a call")
        return ok({"id": "c-1"})

    world.gateway.on("charge", tell)
    run = world.play(world.flow(call("charge")))
    (record,) = [line for line in logged() if line["event"] == "in the midst of a call"]
    assert (record["run_id"], record["flow"], record["trace_id"]) == (str(run.id), "orders", run.trace_id)
    assert record["correlation_id"] == run.trace_id
    assert record["business_ids"] == {"order": "o-1"}
    assert record["span_id"] == attempt_span_id(run.id, 1, 1)


def test_no_record_tells_a_classified_business_id(world: World, logged: Callable[[], list[dict[str, Any]]]) -> None:
    async def tell(_: GatewayCall) -> GatewayOutcome:
        get_logger("ipaas.test").info("in the midst of a call")
        return ok({"id": "c-1"})

    governance.apply_document(content=schema(slug="order"), workspace=world.workspace, actor=SYSTEM)
    world.gateway.on("charge", tell)
    ids = {"order": "trigger.body.id", "customer": "trigger.body.email"}
    flow = world.flow(
        {"id": "pause", "wait": {"for": "PT1H"}}, call("charge"), business_ids=ids, input={"schema": "order@1"}
    )
    world.go_on(world.play(flow, {"id": "o-1", "email": "alice@example.com"}))

    (record,) = [line for line in logged() if line["event"] == "in the midst of a call"]
    assert record["business_ids"]["customer"].startswith("‹redacted:")
    assert "alice@example.com" not in repr(logged())
