"""Stored runs for measuring growth: written by the engine's own storage module, with a realistic spread.

Of a hundred runs 91 succeeded, 4 were dead-lettered, 3 compensated and 2 cancelled, over thirty days; customers come
back; one payload in twenty is large. Everything is sealed by the workspace's own key, so that pages can open it.
"""

import asyncio
import multiprocessing
import os
import random
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.conninfo import make_conninfo

from bench import w1

DAYS = 30
BATCH = 500
FILLERS = 2
STATES = ("succeeded",) * 91 + ("dead",) * 4 + ("compensated",) * 3 + ("cancelled",) * 2


def fill(world: w1.World, database_url: str, first: int, last: int) -> None:
    """Write the runs numbered ``first`` to ``last`` (exclusive), by several processes."""
    step = -(-(last - first) // FILLERS)
    parts = [(world, database_url, start, min(start + step, last)) for start in range(first, last, step)]
    with ProcessPoolExecutor(FILLERS, mp_context=multiprocessing.get_context("spawn")) as pool:
        for done in [pool.submit(_fill_part, *part) for part in parts]:
            done.result()


def make_room(now: datetime) -> None:
    """Partitions for every day that the stored runs lie in."""
    from django.db import connection

    from ipaas.core.partitions import ensure_partitions
    from ipaas.events.tables import RECEIPT
    from ipaas.runtime.tables import PARTITIONED

    with connection.cursor() as cursor:
        ensure_partitions(cursor, (now - timedelta(days=DAYS + 1)).date(), now.date(), (RECEIPT, *PARTITIONED))


def reference(number: int) -> str:
    """The order's id of a stored run."""
    return random.Random(number).randbytes(16).hex()


def run_id(number: int, now: datetime) -> UUID:
    """A UUIDv7 of a moment within the last thirty days, always the same for a number and a moment."""
    chance = random.Random(f"run {number}")
    moment = now - timedelta(seconds=chance.uniform(3600, DAYS * 86_400))
    return _id(moment, chance)


def _id(moment: datetime, chance: random.Random) -> UUID:
    noise = chance.getrandbits(74)
    return UUID(
        int=int(moment.timestamp() * 1000) << 80
        | 0x7 << 76
        | (noise >> 62 & 0xFFF) << 64
        | 0x2 << 62
        | noise & ((1 << 62) - 1)
    )


def _fill_part(world: w1.World, database_url: str, first: int, last: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ipaas.settings")
    import django

    django.setup()
    asyncio.run(_write(world, make_conninfo(database_url, options="-c synchronous_commit=off"), first, last))


async def _write(world: w1.World, conninfo: str, first: int, last: int) -> None:
    from asgiref.sync import sync_to_async

    from ipaas.runtime.store import Store
    from ipaas.vault.payloads import sealer_for

    store, sealer = Store(conninfo, max_size=2), await sync_to_async(sealer_for)(world.workspace_id)
    now = world.now
    await store.open()
    try:
        for start in range(first, last, BATCH):
            rows: dict[str, list[Any]] = {}
            receipts = [_add(rows, world, sealer, number, now) for number in range(start, min(start + BATCH, last))]
            await _store_receipts(store, receipts)
            await store.commit([], rows)
    finally:  # a pool left open would keep the process from telling what went wrong
        await store.close()


async def _store_receipts(store: Any, receipts: Iterable[Any]) -> None:
    from ipaas.core.pg_arrays import columns
    from ipaas.events.intake import RECEIPT_KINDS, ReceiptRow

    names = ", ".join(ReceiptRow._fields)
    arrays = ", ".join(f"%b::{kind}[]" for kind in RECEIPT_KINDS)
    sql = (
        f"WITH c AS (SELECT * FROM unnest({arrays}) AS c({names})), "  # noqa: S608 - names of our own
        "d AS (INSERT INTO events_delivery (endpoint_id, delivery_id, receipt_id, body_sha256) "
        "SELECT endpoint_id, delivery_id, id, body_sha256 FROM c) "
        f"INSERT INTO events_receipt ({names}, state, note) SELECT {names}, 'processed', '' FROM c"
    )
    async with store.pool.connection() as conn:
        await conn.execute(sql, columns(RECEIPT_KINDS, list(receipts)))


def _add(rows: dict[str, list[Any]], world: w1.World, sealer: Any, number: int, now: datetime) -> Any:
    """Add the rows of one run, and give its receipt."""
    from ipaas.core import jsonio
    from ipaas.events.intake import ReceiptRow
    from ipaas.events.sealing import receipt_aad
    from ipaas.runtime import rows as kinds
    from ipaas.runtime.execution import effect_aad, payload_aad

    chance = random.Random(f"rows {number}")
    one, order = run_id(number, now), reference(number)
    begun = datetime.fromtimestamp((one.int >> 80) / 1000, tz=UTC)
    ended = begun + timedelta(milliseconds=chance.expovariate(1 / 40))
    status, body = STATES[number % 100], w1.order(order)
    if number % 20 == 7:
        body["order"]["note"] = chance.randbytes(3000).hex()
    receipt = _id(begun - timedelta(milliseconds=20), chance)
    failed = status != "succeeded"
    error = ("business_rejection", "rejected", "The warehouse refuses the order.") if failed else (None, None, None)
    customer = f"customer-{min(chance.randrange(200_000), chance.randrange(200_000))}@example.com"
    content = b'{"headers":{},"body":' + jsonio.dumps(body) + b"}"

    def add(table: str, row: Any) -> None:
        rows.setdefault(table, []).append(row)

    add(
        "run",
        kinds.RunRow(
            one, world.workspace_id, world.flow_id, world.version_id, world.environment_id, one, "running", 1,
            "webhook",
            receipt, None, None, None, one.hex, order, begun + timedelta(hours=1), begun,
        ),
    )  # fmt: skip
    add(
        "state",
        kinds.RunState(one, status, status if failed else None, begun, ended, *error, "post" if failed else None),
    )
    add("business_id", kinds.BusinessIdRow(one, "order", world.workspace_id, order))
    add("business_id", kinds.BusinessIdRow(one, "customer", world.workspace_id, customer))
    common = {"item": "", "compensates": False, "due_at": None, "reason": None, "detail": None}
    none = {"error_class": None, "error_code": None, "error_message": None}
    given = dict(zip(none, error, strict=True))
    add(
        "step",
        kinds.StepRow(
            run_id=one, seq=1, path="order", kind="map", status="succeeded", attempts=0, started_at=begun,
            finished_at=begun, **common, **none,
        ),
    )  # fmt: skip
    add(
        "step",
        kinds.StepRow(
            run_id=one, seq=2, path="post", kind="call", status="failed" if failed else "succeeded", attempts=1,
            started_at=begun, finished_at=ended, **common, **given,
        ),
    )  # fmt: skip
    verdicts = '[{"policy":"limits","verdict":"admitted"}]'
    add(
        "attempt",
        kinds.AttemptRow(
            one, 2, 1, "failed" if failed else "ok", begun, chance.expovariate(1 / 20), 422 if failed else 201, *error,
            world.connection_id, verdicts,
        ),
    )  # fmt: skip
    mapped = {"reference": order, "number": body["order"]["number"], "total_minor": 12900, "email": customer}
    sent = {"method": "POST", "path": "/orders", "query": [], "headers": {"content-type": "application/json"}}
    bundles: list[dict[str, Any]] = [
        {"order#.output": mapped},
        {"post#.request.1": {**sent, "body": mapped}, "post#.response.1": {"status": 201, "headers": {}, "body": {}}},
    ]
    for seq, bundle in enumerate(bundles, start=1):
        add("payload", kinds.PayloadRow(one, seq, sealer.seal(jsonio.dumps(bundle), payload_aad(one, seq))))
    key = (one, "post", "", 0)
    if not failed:
        result = sealer.seal(jsonio.dumps({"status": 201, "body": {"id": "rq_1"}}), effect_aad(key))
        add("effect_done", kinds.EffectDone(*key, world.workspace_id, one, 1, 1, chance.randbytes(32), result))
    if status == "dead":
        add(
            "dead_letter",
            kinds.DeadLetterRow(
                _id(ended, chance), world.workspace_id, one, world.flow_id, world.environment_id,
                "bench-orders/post: business_rejection rejected", "post", "business_rejection", "rejected",
                "The warehouse refuses the order.", order, Decimal("129.00"), "EUR",
            ),
        )  # fmt: skip
    return ReceiptRow(
        receipt, world.workspace_id, world.endpoint_id, f"msg_{order}", "", chance.randbytes(32), one.hex,
        sealer.seal(content, receipt_aad(receipt)),
    )  # fmt: skip
