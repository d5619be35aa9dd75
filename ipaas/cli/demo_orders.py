"""Placing demo orders, replaying those that failed, and holding what the runs say against the vendors' own books."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection

from ipaas.catalog.stand_in_place import StandIns
from ipaas.catalog.stand_ins import clear_faults, send_webhooks, set_fault
from ipaas.cli.books import effects, open_books, read_ledger
from ipaas.cli.demo import ENDPOINT, ENVIRONMENT, WAREHOUSE, WORKSPACE
from ipaas.cli.demo_report import Ended, Report
from ipaas.cli.demo_warehouse import Warehouse
from ipaas.core.actor import SYSTEM
from ipaas.core.errors import InvalidInput, NotFound
from ipaas.core.ids import uuid7_at
from ipaas.events.models import Endpoint
from ipaas.flows.models import FlowVersion
from ipaas.runtime.bulk import start_bulk_job
from ipaas.runtime.models import TEST, BulkJob, DeadLetter, Run
from ipaas.sdk.stubs.orders import order, order_of

Say = Callable[[str], Any]

_FAULT = re.compile(r"([a-z-]+):(reject|reset|half|drift|[345]\d\d|\d+ms)(?::(\d+(?:\.\d+)?)%)?")
_FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_SLICE = 500
_LOOK_S, _TELL_S = 0.5, 5.0


def fault_document(text: str, seed: int) -> dict[str, Any]:
    """``vendor:what[:percent%]`` as a fault of the stand-ins; ``what`` is a status, a delay (250ms) or a kind."""
    match = _FAULT.fullmatch(text)
    if match is None:
        message = "write vendor:what:percent%, with what a status such as 503, a delay such as 250ms, or reject, reset"
        raise InvalidInput([{"path": "--fault", "code": "fault", "message": f"{message}, half, drift (got {text!r})"}])
    vendor, what, percent = match.groups()
    fault: dict[str, Any] = {"vendor": vendor, "percent": float(percent or 100), "seed": seed}
    if what.isdigit():
        return {**fault, "kind": "status", "status": int(what)}
    if what.endswith("ms"):
        return {**fault, "kind": "delay", "delay_ms": int(what[:-2])}
    return {**fault, "kind": what}


def place_orders(*, count: int, faults: Sequence[str], seed: int, wait_s: float, say: Say) -> Report:
    """Put exactly these faults in force, place the orders, and report how they ended."""
    documents = [fault_document(text, seed) for text in faults]
    endpoint = _endpoint()
    clear_faults(actor=SYSTEM, workspace=endpoint.workspace)
    for document in documents:
        set_fault(actor=SYSTEM, workspace=endpoint.workspace, fault=document)
    begun, first = datetime.now(UTC), _first_number()
    statuses = _send(endpoint, count, seed, first, say)
    order_ids = [order(seed, number)["id"] for number in range(first, first + count)]
    placed = statuses.pop("202", 0)
    _wait(endpoint.environment_id, order_ids, begun, placed, wait_s, say)
    problems = [f"{number} orders were answered with {status}" for status, number in sorted(statuses.items())]
    return _report(endpoint, order_ids, begun, problems)


def replay_dead_letters(*, rate_per_s: float, wait_s: float, say: Say) -> Report:
    """Lift all faults, replay the demo's open dead letters, and report how their orders stand now."""
    endpoint = _endpoint()
    workspace = endpoint.workspace
    clear_faults(actor=SYSTEM, workspace=workspace)
    place = {"environment_id": endpoint.environment_id}
    letters = DeadLetter.objects.filter(workspace_id=workspace.id, state=DeadLetter.State.OPEN, **place)
    order_ids = sorted(set(letters.values_list("business_key", flat=True)))
    begun = datetime.now(UTC)
    options, only = {"reason": "the faults are lifted"}, {name: str(one) for name, one in place.items()}
    job = start_bulk_job(
        actor=SYSTEM, workspace=workspace, deed="replay", filter=only, rate_per_s=rate_per_s, options=options
    )
    say(f"Replaying {job.total} dead letters")
    _wait(endpoint.environment_id, order_ids, begun, len(order_ids), wait_s, say)
    job.refresh_from_db()
    problems = [] if not job.failed else [f"{job.failed} dead letters were not replayed: {job.last_error}"]
    if job.state != BulkJob.State.DONE:
        problems.append(f"the replay is {job.state} after {job.done} of {job.total}")
    return _report(endpoint, order_ids, begun, problems)


def _endpoint() -> Endpoint:
    """The demo's own, whatever other environments people have made."""
    place = {"workspace__slug": WORKSPACE, "environment__slug": ENVIRONMENT}
    found = Endpoint.objects.select_related("workspace").filter(**place, slug=ENDPOINT).first()
    if found is None:
        raise NotFound(what="demo workspace; run: ipaas demo install")
    return found


def _first_number() -> int:
    """Numbers that no earlier call has used: a thousand for each second since the first day."""
    return int((datetime.now(UTC) - _FIRST_DAY).total_seconds() * 1000)


def _send(endpoint: Endpoint, count: int, seed: int, first: int, say: Say) -> Counter[str]:
    statuses: Counter[str] = Counter()
    for start in range(first, first + count, _SLICE):
        sending = {"count": min(_SLICE, first + count - start), "seed": seed, "start": start}
        sent = send_webhooks(
            actor=SYSTEM,
            workspace=endpoint.workspace,
            vendor="storefront",
            public_id=endpoint.public_id,
            sending=sending,
        )
        statuses.update(sent["statuses"])
        say(f"Placed {statuses.total()} of {count} orders")
    return statuses


def _runs(environment_id: UUID, order_ids: Iterable[str], begun: datetime) -> dict[str, Run]:
    """The latest run of each order since then in the demo's environment that was no test."""
    wanted = set(order_ids)
    runs = Run.objects.filter(environment_id=environment_id, id__gte=uuid7_at(begun))
    runs = runs.exclude(trigger=TEST).order_by("id")
    found = runs.only("id", "version_id", "business_key", "status", "error_step", "error_code", "error_message")
    return {run.business_key: run for run in found if run.business_key in wanted}


def _wait(environment_id: UUID, order_ids: list[str], begun: datetime, wanted: int, wait_s: float, say: Say) -> None:
    """Return when so many runs have ended, or the time is up; a database that went down is waited for as well."""
    deadline, told = time.monotonic() + wait_s, time.monotonic()
    while True:
        ended = _ended(environment_id, order_ids, begun)
        if (ended is not None and ended >= wanted) or time.monotonic() > deadline:
            return
        if time.monotonic() - told >= _TELL_S:
            told = time.monotonic()
            say("The database does not answer" if ended is None else f"{ended} of {wanted} orders have ended")
        time.sleep(_LOOK_S)


def _ended(environment_id: UUID, order_ids: list[str], begun: datetime) -> int | None:
    """How many of the orders' runs have ended; None while the database does not answer."""
    try:
        return sum(run.ended for run in _runs(environment_id, order_ids, begun).values())
    except (OperationalError, InterfaceError):
        connection.close()
        return None


def _report(endpoint: Endpoint, order_ids: list[str], begun: datetime, problems: list[str]) -> Report:
    seconds = (datetime.now(UTC) - begun).total_seconds()
    runs = _runs(endpoint.environment_id, order_ids, begun)
    storing = _versions_that_store({run.version_id for run in runs.values()})
    warehouse = Warehouse.from_settings() if storing else None
    rows = warehouse.rows(order_ids) if warehouse else {}
    books = open_books(read_ledger(StandIns.load().ledger), rows, order_ids)
    orders = []
    for order_id, book in books.items():
        run = runs.get(order_id)
        stores = run is not None and run.version_id in storing
        state = book.state(len(order_of(order_id)["lines"]), warehouse=stores)
        reason = f"{run.error_step}: {run.error_code}: {run.error_message}" if run and run.error_code else ""
        orders.append(Ended(order_id, run.status if run else "", reason, state, tuple(book.offences())))
    repeats = sum(book.repeats for book in books.values())
    return Report(tuple(orders), effects(books), repeats, len(rows) if warehouse else None, seconds, tuple(problems))


def _versions_that_store(version_ids: set[UUID]) -> set[UUID]:
    """Those flow versions that write to the warehouse; a run keeps to the version that it began with."""
    versions = FlowVersion.objects.filter(id__in=version_ids)
    return {
        version.id
        for version in versions
        if any(step.get("call", {}).get("connection") == WAREHOUSE for step in version.content["steps"])
    }
