"""Exports of the audit trail, streamed: CSV for people, JSON Lines for programs, both for the offline verifier."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from django.db.models import Max, Min

from ipaas.audit.models import AuditChain, AuditCheckpoint, AuditEntry
from ipaas.audit.querysets import AuditEntryQuerySet, AuditFilters
from ipaas.audit.sequencer import chain_of, checkpoint_record, content_of, sequence_all
from ipaas.audit.signing import ensure_key, public_keys, sign
from ipaas.audit.verifier import COLUMNS, FORMAT, canonical, export_statement, first_hash, quote_cell
from ipaas.core.clock import now

PAGE = 500
Format = Literal["csv", "jsonl"]
CONTENT_TYPES: dict[str, str] = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Range:
    first: int
    last: int
    prev_hash: bytes
    last_hash: bytes


def export(workspace_id: UUID | None, filters: AuditFilters, fmt: Format) -> Iterator[bytes]:
    """The matching entries of a chain, with what proves that none was altered; see ``audit.verifier``.

    Everything committed before the call is included. Permission and the entry about the export itself belong to
    ``audit.services.export_entries``.
    """
    head, write = record_writer(fmt)
    if head:
        yield head
    for record in export_records(workspace_id, filters):
        yield write(record)


def record_writer(fmt: Format) -> tuple[bytes, Callable[[Record], bytes]]:
    """How a format begins, and how it writes a record."""
    return (_csv_row(list(COLUMNS)), _csv_writer()) if fmt == "csv" else (b"", _json_line)


def export_records(workspace_id: UUID | None, filters: AuditFilters) -> Iterator[Record]:
    """The records of an export: header, entries with omissions and checkpoints between them, signed trailer."""
    sequence_all(workspace_id)
    ensure_key()
    entries = AuditEntry.objects.of_workspace(workspace_id).numbered()
    span = _range(workspace_id, entries, filters)
    header = _header(workspace_id, filters, span)
    yield header
    counts = {"entries": 0, "omitted": 0}
    for record in _body(workspace_id, entries, filters, span):
        if record["record"] == "entry":
            counts["entries"] += 1
        elif record["record"] == "omitted":
            counts["omitted"] += len(record["digests"])
        yield record
    trailer = {"record": "trailer", "to_seq": span.last, "hash": span.last_hash.hex(), **counts}
    signed = sign(export_statement(str(chain_of(workspace_id)), header, trailer))
    yield {**trailer, "key_id": signed.key_id, "signature": signed.signature.hex()}


def export_checkpoints(workspace_id: UUID | None) -> Iterator[bytes]:
    """All checkpoints of a chain as JSON Lines, to be kept outside and given to the verifier."""
    for checkpoint in AuditCheckpoint.objects.filter(chain_id=chain_of(workspace_id)).iterator():
        yield _json_line(checkpoint_record(checkpoint))


def _range(workspace_id: UUID | None, entries: AuditEntryQuerySet, filters: AuditFilters) -> _Range:
    """Numbers to export: the whole chain, or with times given from the first to the last match."""
    chain_id = chain_of(workspace_id)
    start, first, last = first_hash(str(chain_id)), 1, _length(chain_id, entries)
    if filters.since or filters.until:
        found = entries.filter(seq__lte=last).matching(filters).order_by().aggregate(low=Min("seq"), high=Max("seq"))
        first = found["low"] or last + 1
        last = (found["high"] or last) if filters.until else last
    prev = start if first == 1 else _hash_at(entries, first - 1)
    return _Range(first, last, prev, prev if last < first else _hash_at(entries, last))


def _length(chain_id: UUID, entries: AuditEntryQuerySet) -> int:
    """How long the chain is by any account of it, so that rows deleted behind the product's back show."""
    heads = AuditChain.objects.filter(workspace_id=chain_id).values_list("seq", flat=True)
    points = AuditCheckpoint.objects.filter(chain_id=chain_id).aggregate(high=Max("seq"))["high"]
    rows = entries.order_by().aggregate(high=Max("seq"))["high"]
    return max([*heads, points or 0, rows or 0])


def _hash_at(entries: AuditEntryQuerySet, seq: int) -> bytes:
    return bytes(entries.filter(seq=seq).values_list("hash", flat=True).first() or b"")


def _header(workspace_id: UUID | None, filters: AuditFilters, span: _Range) -> Record:
    return {
        "record": "header",
        "format": FORMAT,
        "chain": str(chain_of(workspace_id)),
        "exported_at": now().isoformat(),
        "filters": filters.as_json(),
        "complete": filters.until is None,
        "from_seq": span.first,
        "to_seq": span.last,
        "prev_hash": span.prev_hash.hex(),
        "public_keys": public_keys(),
    }


def _body(
    workspace_id: UUID | None, entries: AuditEntryQuerySet, filters: AuditFilters, span: _Range
) -> Iterator[Record]:
    points = AuditCheckpoint.objects.filter(chain_id=chain_of(workspace_id), seq__gte=span.first, seq__lte=span.last)
    checkpoints = {point.seq: checkpoint_record(point) for point in points}
    for low in range(span.first, span.last + 1, PAGE):
        page = entries.filter(seq__gte=low, seq__lte=min(low + PAGE - 1, span.last))
        yield from _page(page, filters, checkpoints)


def _page(page: AuditEntryQuerySet, filters: AuditFilters, checkpoints: dict[int, Record]) -> Iterator[Record]:
    """One page of the chain; runs of entries that do not match become one record of digests."""
    matching = {entry.seq: entry for entry in page.matching(filters)}
    left_out: Record | None = None
    for seq, digest, entry_hash in page.values_list("seq", "digest", "hash"):
        entry = matching.get(seq)
        if entry is None:
            left_out = left_out or {"record": "omitted", "from_seq": seq, "digests": []}
            left_out["digests"].append(bytes(digest or b"").hex())
            left_out["hash"] = bytes(entry_hash or b"").hex()
        if left_out is not None and (entry is not None or seq in checkpoints):
            yield left_out
            left_out = None
        if entry is not None:
            yield {"record": "entry", "seq": seq, **content_of(entry), "hash": bytes(entry.hash or b"").hex()}
        if seq in checkpoints:
            yield checkpoints[seq]
    if left_out is not None:
        yield left_out


def _json_line(record: Record) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _csv_writer() -> Callable[[Record], bytes]:
    def write(record: Record) -> bytes:
        if record["record"] == "entry":
            cells = {**record, "details": canonical(record["details"]).decode(), "proof": ""}
        else:
            proof = {name: value for name, value in record.items() if name != "record"}
            cells = {"record": record["record"], "proof": canonical(proof).decode()}
        return _csv_row([quote_cell(str(cells.get(name, ""))) for name in COLUMNS])

    return write


def _csv_row(cells: list[str]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue().encode()
