"""Lists of runs as files: CSV for people, JSON Lines for programs. Neither holds payloads or a vendor's own words."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal
from uuid import UUID

from ipaas import audit
from ipaas.accounts.models import Environment
from ipaas.audit.verifier import quote_cell
from ipaas.core import jsonio
from ipaas.core.actor import Actor, require_permission
from ipaas.core.ids import uuid7_time
from ipaas.flows.models import Flow, FlowVersion
from ipaas.runtime.models import Run
from ipaas.runtime.reading import RunFilter, business_ids_of, find_runs

Format = Literal["csv", "jsonl"]
CONTENT_TYPES: dict[str, str] = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
COLUMNS = (
    "id", "flow", "version", "environment", "status", "trigger", "business_key", "business_ids", "began_at",
    "started_at", "finished_at", "duration_s", "error_class", "error_code", "error_step", "replay_of", "trace_id",
)  # fmt: skip
PAGE = 500
MOST_ROWS = 200_000


def export_runs(
    *, actor: Actor, workspace_id: UUID, wanted: RunFilter, fmt: Format, query: dict[str, str]
) -> Iterator[bytes]:
    """Stream the runs that match, newest first, up to ``MOST_ROWS``; that it was done is on record with the filter."""
    require_permission(actor, "runs.view", workspace_id)
    audit.record("runs.exported", actor=actor, workspace_id=workspace_id, details={"format": fmt, "filters": query})
    return _lines(actor, wanted, fmt)


def _lines(actor: Actor, wanted: RunFilter, fmt: Format) -> Iterator[bytes]:
    write: Callable[[dict[str, Any]], bytes] = _csv_row if fmt == "csv" else _json_line
    if fmt == "csv":
        yield _row(COLUMNS)
    for number, record in enumerate(_records(actor, wanted)):
        if number == MOST_ROWS:
            return
        yield write(record)


def _records(actor: Actor, wanted: RunFilter) -> Iterator[dict[str, Any]]:
    before: UUID | None = None
    while True:
        found = find_runs(actor, wanted, before=before, size=PAGE)
        yield from _shown(found.runs)
        if found.before is None:
            return
        before = found.before


def _shown(runs: Iterable[Run]) -> Iterator[dict[str, Any]]:
    runs = list(runs)
    flows = dict(Flow.objects.filter(id__in={run.flow_id for run in runs}).values_list("id", "slug"))
    versions = dict(FlowVersion.objects.filter(id__in={run.version_id for run in runs}).values_list("id", "number"))
    places = dict(Environment.objects.filter(id__in={run.environment_id for run in runs}).values_list("id", "slug"))
    names = business_ids_of(runs)
    for run in runs:
        took = (run.finished_at - run.started_at).total_seconds() if run.finished_at and run.started_at else None
        beside = {
            "flow": flows.get(run.flow_id, ""),
            "version": versions.get(run.version_id),
            "environment": places.get(run.environment_id, ""),
            "business_ids": dict(names.get(run.id, [])),
            "began_at": uuid7_time(run.id).isoformat(),
            "started_at": run.started_at.isoformat() if run.started_at else None,
            "finished_at": run.finished_at.isoformat() if run.finished_at else None,
            "duration_s": round(took, 3) if took is not None else None,
            "id": str(run.id),
            "replay_of": str(run.replay_of) if run.replay_of else None,
        }
        yield {name: beside[name] if name in beside else getattr(run, name) for name in COLUMNS}


def _json_line(record: dict[str, Any]) -> bytes:
    return jsonio.dumps(record) + b"\n"


def _csv_row(record: dict[str, Any]) -> bytes:
    ids = "; ".join(f"{name}={value}" for name, value in record["business_ids"].items())
    cells = {**record, "business_ids": ids}
    return _row("" if cells[name] is None else cells[name] for name in COLUMNS)


def _row(cells: Iterable[Any]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerow([quote_cell(str(cell)) for cell in cells])
    return buffer.getvalue().encode()
