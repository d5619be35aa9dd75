"""Old days are dropped whole; nothing that is unsettled or that a replay may need goes with them."""

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from pydantic import ValidationError

from ipaas.config import Settings
from ipaas.core.actor import SYSTEM
from ipaas.core.clock import now
from ipaas.core.ids import uuid7, uuid7_at
from ipaas.core.partitions import ensure_partitions, partitioned_tables, partitions_before
from ipaas.events.models import Delivery, Receipt
from ipaas.outbox.models import OutboxEvent
from ipaas.runtime import retention
from ipaas.runtime.models import Approval, DeadLetter, Effect, InboundKey, Run, StepRun, TriggerSlot, Work
from ipaas.runtime.retention import apply_retention
from ipaas.runtime.scheduler import PARTITION_DAYS_AHEAD, make_partitions
from ipaas.runtime.services import RunNoLongerKept, trigger_flow
from tests.integration.runtime.conftest import World, call, sql

DAYS, KEY_DAYS = 30, 60


@pytest.fixture
def past(world: World, clock: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keeps 30 days of runs and 60 of keys; the partitions of the past are gone afterwards."""
    monkeypatch.setattr(retention, "settings", lambda: Settings(retention_days=DAYS, key_retention_days=KEY_DAYS))
    before = days_ago(2)
    yield
    with connection.cursor() as cursor:
        for table in partitioned_tables():
            for name, *_ in partitions_before(cursor, table, before):
                cursor.execute(f"DROP TABLE {name}")


def days_ago(days: int) -> date:
    return now().date() - timedelta(days=days)


def id_of(day: date, hour: int = 9) -> UUID:
    """An id made on that day, for which there are partitions then."""
    with connection.cursor() as cursor:
        ensure_partitions(cursor, day, day)
    return UUID(int=uuid7_at(datetime.combine(day, time(hour), tzinfo=UTC)).int | uuid7().int & 0xFFFF_FFFF)


def run_of(day: date, status: str = "succeeded", **changes: Any) -> Run:
    run_id = id_of(day)
    given = {"workspace_id": uuid7(), "flow_id": uuid7(), "version_id": uuid7(), "environment_id": uuid7()}
    plain = {"root_run_id": run_id, "status": status, "lane": 1, "trigger": "webhook", "trace_id": "0" * 32}
    run = Run.objects.create(id=run_id, business_key="o-1", **{**given, **plain, **changes})
    StepRun.objects.create(
        run_id=run_id, seq=1, path="charge", item="", kind="call", status="succeeded", compensates=False, attempts=1,
        started_at=now(),
    )  # fmt: skip
    return run


def effect_of(root: UUID, day: date) -> None:
    Effect.objects.create(
        root_run_id=root, path="charge", item="", generation=0, workspace_id=uuid7(), run_id=root, fence=1, attempt=1,
        state="done", request_hash=b"x",
    )  # fmt: skip


def letter_of(run: Run, **changes: Any) -> DeadLetter:
    texts = {"cause": "c", "step": "s", "error_class": "internal", "error_code": "e", "error_message": "m"}
    ids = {"workspace_id": run.workspace_id, "flow_id": run.flow_id, "environment_id": run.environment_id}
    return DeadLetter.objects.create(run_id=run.id, business_key="o-1", **texts, **ids, **changes)


def test_days_beyond_the_setting_are_dropped_with_all_that_belongs_to_their_runs(past: None) -> None:
    run_of(days_ago(DAYS + 1))
    kept = run_of(days_ago(DAYS))
    done = apply_retention()
    assert list(Run.objects.values_list("id", flat=True)) == [kept.id]
    assert list(StepRun.objects.values_list("run_id", flat=True)) == [kept.id]
    stamp = f"{days_ago(DAYS + 1):%Y%m%d}"
    assert f"runtime_run_{stamp}" in done.dropped
    assert sql("SELECT to_regclass(%s)", [f"runtime_payload_{stamp}"]) == [(None,)]
    assert apply_retention().dropped == []


@pytest.mark.parametrize("status", ["queued", "waiting", "running", "compensating", "held", "needs_operator"])
def test_a_day_with_an_unsettled_run_stays(past: None, status: str) -> None:
    run = run_of(days_ago(DAYS + 3), status)
    assert f"runtime_run_{days_ago(DAYS + 3):%Y%m%d}" in apply_retention().held_back
    Run.objects.filter(id=run.id).update(status="cancelled")
    apply_retention()
    assert not Run.objects.exists()


def test_a_day_with_an_open_dead_letter_stays_until_it_is_closed(past: None) -> None:
    run = run_of(days_ago(DAYS + 3), "dead")
    letter = letter_of(run)
    apply_retention()
    assert Run.objects.filter(id=run.id).exists()
    DeadLetter.objects.filter(id=letter.id).update(state="discarded", closed_at=now())
    apply_retention()
    assert not Run.objects.exists()
    assert DeadLetter.objects.filter(id=letter.id).exists()


def test_a_day_with_queued_work_stays(past: None) -> None:
    run = run_of(days_ago(DAYS + 3))
    Work.objects.create(id=run.id, kind=1, lane=1, workspace_id=uuid7(), group_id=uuid7(), due_at=now())
    apply_retention()
    assert Run.objects.exists()


def receipt_of(day: date) -> UUID:
    receipt_id, endpoint_id = id_of(day), uuid7()
    Receipt.objects.create(
        id=receipt_id, workspace_id=uuid7(), endpoint_id=endpoint_id, event="", state="processed", body_sha256=b"x",
        trace_id="0" * 32, sealed=b"x",
    )  # fmt: skip
    Delivery.objects.create(endpoint_id=endpoint_id, delivery_id="d", receipt_id=receipt_id, body_sha256=b"x")
    return receipt_id


def test_a_delivery_stays_while_a_run_reads_it_and_its_id_longer(past: None) -> None:
    receipt_id = receipt_of(days_ago(DAYS + 2))
    run = run_of(days_ago(DAYS - 2), receipt_id=receipt_id)
    apply_retention()
    assert Receipt.objects.filter(id=receipt_id).exists()
    Run.objects.filter(id=run.id).delete()
    apply_retention()
    assert not Receipt.objects.exists()
    assert Delivery.objects.filter(receipt_id=receipt_id).exists()


def test_results_of_effects_stay_as_long_as_a_run_of_their_root_is_kept(past: None) -> None:
    old = days_ago(KEY_DAYS + 40)
    root = id_of(old)
    effect_of(root, old)
    replay = run_of(days_ago(3), root_run_id=root)
    assert f"runtime_effect_{old:%Y%m}" in apply_retention().held_back
    assert Effect.objects.exists()
    Run.objects.filter(id=replay.id).delete()
    apply_retention()
    assert not Effect.objects.exists()


def test_keys_are_kept_by_their_own_setting(past: None) -> None:
    for days in (DAYS + 5, KEY_DAYS + 5):
        receipt_of(days_ago(days))
        InboundKey.objects.create(
            flow_id=uuid7(), environment_id=uuid7(), key="k", input_sha256=b"x", run_id=id_of(days_ago(days))
        )
        TriggerSlot.objects.create(trigger_id=uuid7(), slot_at=now() - timedelta(days=days), run_id=uuid7())
    done = apply_retention()
    assert (Delivery.objects.count(), InboundKey.objects.count(), TriggerSlot.objects.count()) == (1, 1, 1)
    assert done.deleted["events_delivery"] == 1


def test_settled_questions_and_told_events_go_and_open_ones_stay(past: None) -> None:
    run, long_ago = run_of(days_ago(1)), now() - timedelta(days=DAYS + 2)
    letter_of(run, state="replayed", closed_at=long_ago)
    open_letter = letter_of(run)
    for seq, decided_at in ((1, long_ago), (2, None)):
        Approval.objects.create(
            workspace_id=run.workspace_id, run_id=run.id, flow_id=run.flow_id, seq=seq, title="?", role="approver",
            evidence=b"", evidence_sha256="", decided_at=decided_at,
        )  # fmt: skip
    texts = {"type": "t", "subject": "s", "source": "x", "trace_id": "0" * 32, "data": {}}
    told, waiting = (
        OutboxEvent.objects.create(id=id_of(days_ago(DAYS + 2), hour), workspace_id=uuid7(), **texts) for hour in (1, 2)
    )
    Work.objects.create(id=waiting.id, kind=2, lane=1, workspace_id=uuid7(), group_id=uuid7(), due_at=now())
    apply_retention()
    assert list(DeadLetter.objects.filter(run_id=run.id)) == [open_letter]
    assert [approval.seq for approval in Approval.objects.filter(run_id=run.id)] == [2]
    assert not OutboxEvent.objects.filter(id=told.id).exists()
    assert OutboxEvent.objects.filter(id=waiting.id).exists()


def test_a_day_that_somebody_reads_just_now_waits_for_the_next_pass(past: None) -> None:
    run = run_of(days_ago(DAYS + 1))
    reading, done = threading.Event(), threading.Event()

    def read() -> None:
        with transaction.atomic():
            assert Run.objects.filter(id=run.id).exists()
            reading.set()
            done.wait(30)
        connection.close()

    reader = threading.Thread(target=read)
    reader.start()
    reading.wait(30)
    assert f"runtime_run_{days_ago(DAYS + 1):%Y%m%d}" in apply_retention().held_back
    done.set()
    reader.join()
    apply_retention()
    assert not Run.objects.exists()


def test_partitions_are_made_a_week_ahead(past: None, clock: Any) -> None:
    clock.shift(timedelta(days=PARTITION_DAYS_AHEAD))
    last = f"runtime_run_{days_ago(-PARTITION_DAYS_AHEAD):%Y%m%d}"
    assert sql("SELECT to_regclass(%s)", [last]) == [(None,)]
    assert make_partitions() > 0
    assert sql("SELECT to_regclass(%s)::text", [last]) == [(last,)]
    assert make_partitions() == 0


def test_keys_that_would_be_forgotten_before_their_runs_are_refused() -> None:
    with pytest.raises(ValidationError, match="IPAAS_KEY_RETENTION_DAYS must not be less"):
        Settings(retention_days=90, key_retention_days=30)


def test_a_key_whose_run_is_gone_starts_nothing_anew(world: World) -> None:
    flow = world.flow(call("charge"))
    given = {"actor": SYSTEM, "flow": flow, "environment": world.environment, "body": {"id": "o-1"}, "key": "k-1"}
    trigger_flow(**given)
    sql("TRUNCATE runtime_run, runtime_work")
    with pytest.raises(RunNoLongerKept):
        trigger_flow(**given)
    assert not Run.objects.exists()
