"""Offline verifier of exported audit trails: this one file, Python and ``cryptography``; no database, no product.

    python verifier.py EXPORT [--public-key BASE64] [--checkpoints FILE]

Every entry has ``digest = SHA-256(canonical JSON of its content)`` and ``hash = SHA-256("ipaas-audit-1" | hash of the
entry before | number, 8 bytes | digest)``. A filtered export carries the digests of what it leaves out, so the chain
holds over them. The trailer is signed (Ed25519), and so are the checkpoints in between. Only a public key and
checkpoints that were kept elsewhere protect from someone who rewrites the whole chain and signs it anew.
"""

import argparse
import base64
import binascii
import csv
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "ipaas-audit-1"
CONTENT = (
    "id",
    "workspace_id",
    "created_at",
    "action",
    "outcome",
    "actor_kind",
    "actor_id",
    "actor_label",
    "actor_ip",
    "subject_type",
    "subject_id",
    "subject_label",
    "correlation_id",
    "details",
)
COLUMNS = ("record", "seq", *CONTENT, "hash", "proof")
FORMULA_START = ("=", "+", "-", "@", "\t", "\r", "'")
LARGEST_CELL = 16 * 1024 * 1024


def canonical(value: Any) -> bytes:
    """Keys sorted by code point, no white space, UTF-8; content holds no fractions, so this is unambiguous."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def content_digest(content: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(canonical({name: content[name] for name in CONTENT})).digest()


def first_hash(chain: str) -> bytes:
    """The hash before entry 1 of a chain."""
    return hashlib.sha256(f"{FORMAT}|{chain}".encode()).digest()


def link(previous: bytes, seq: int, digest: bytes) -> bytes:
    return hashlib.sha256(FORMAT.encode() + previous + seq.to_bytes(8, "big") + digest).digest()


def key_id(public_key: bytes) -> str:
    return hashlib.sha256(public_key).hexdigest()[:16]


def checkpoint_statement(chain: str, seq: int, digest: str, created_at: str) -> bytes:
    """What a checkpoint's signature covers."""
    return canonical(
        {"statement": "ipaas-audit-checkpoint-1", "chain": chain, "seq": seq, "hash": digest, "created_at": created_at}
    )


def export_statement(chain: str, header: Mapping[str, Any], trailer: Mapping[str, Any]) -> bytes:
    """What a trailer's signature covers: the header, the range, its last hash and the counts."""
    covered = {name: trailer[name] for name in ("to_seq", "hash", "entries", "omitted")}
    header_sha256 = hashlib.sha256(canonical(header)).hexdigest()
    return canonical({"statement": "ipaas-audit-export-1", "chain": chain, "header_sha256": header_sha256, **covered})


def quote_cell(text: str) -> str:
    """A CSV cell that no spreadsheet takes for a formula; ``unquote_cell`` takes it back."""
    return f"'{text}" if text.startswith(FORMULA_START) else text


def unquote_cell(text: str) -> str:
    return text.removeprefix("'")


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: ``record`` counts the records of the file from 1; ``seq`` is the entry's number where known."""

    record: int
    seq: int | None
    code: str
    message: str


@dataclass(slots=True)
class Report:
    """What a verification found; ``ok`` says that nothing speaks against the file."""

    chain: str = ""
    from_seq: int = 0
    to_seq: int = 0
    entries: int = 0
    omitted: int = 0
    checkpoints: int = 0
    signed_by: str = ""
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems

    def as_text(self) -> str:
        """The report for a person."""
        verdict = "Intact" if self.ok else "NOT INTACT"
        counts = f"{self.entries} entries, {self.omitted} left out, {self.checkpoints} checkpoints"
        lines = [f"{verdict}: chain {self.chain or 'unknown'}, {self.from_seq} to {self.to_seq} ({counts})"]
        lines += [f"  record {p.record}, entry {p.seq or '-'}: {p.message} [{p.code}]" for p in self.problems]
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


class _Unreadable(Exception):
    """A record that is not what the format says."""


def verify(path: str | Path, *, public_key: str | None = None, checkpoints: str | Path | None = None) -> Report:
    """Verify an exported file (CSV or JSON Lines).

    ``public_key`` (base64) is the key to trust; without it the one in the file is used, which the notes say.
    ``checkpoints`` is a file of checkpoints kept apart (JSON Lines). Only a missing file raises (``OSError``).
    """
    kept = _kept_checkpoints(Path(checkpoints)) if checkpoints else []
    with Path(path).open("rb") as file:
        read = _json_records if file.read(1) in (b"{", b"") else _csv_records
    with Path(path).open(encoding="utf-8", newline="") as lines:
        return verify_records(read(lines), public_key=public_key, kept=kept)


def verify_records(
    records: Iterable[Mapping[str, Any]], *, public_key: str | None = None, kept: Iterable[Mapping[str, Any]] = ()
) -> Report:
    """Verify records as ``read`` from a file; see ``verify``."""
    check = _Check(public_key, list(kept))
    try:
        for record in records:
            check.take(record)
    except (_Unreadable, KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        check.problem("unreadable", f"this is not an audit export ({type(error).__name__})", offset=1)
    check.finish()
    return check.report


class _Check:
    def __init__(self, public_key: str | None, kept: list[Mapping[str, Any]]) -> None:
        self.report = Report()
        self.trusted = public_key
        self.kept = kept
        self.header: Mapping[str, Any] = {}
        self.keys: dict[str, bytes] = {}
        self.record = 0
        self.expected = 0
        self.hash: bytes | None = None
        self.hashes: dict[int, bytes] = {}
        self.wanted = {int(checkpoint["seq"]) for checkpoint in kept}
        self.closed = False

    def problem(self, code: str, message: str, seq: int | None = None, offset: int = 0) -> None:
        self.report.problems.append(Problem(self.record + offset, seq, code, message))

    def take(self, record: Mapping[str, Any]) -> None:
        self.record += 1
        kind = record["record"]
        if self.closed:
            self.problem("order", "a record stands after the trailer")
        elif self.record == 1:
            self._header(record)
        elif kind == "entry":
            self._entry(record)
        elif kind == "omitted":
            self._omitted(record)
        elif kind == "checkpoint":
            self._checkpoint(record, self.hash if int(record["seq"]) == self.expected - 1 else None)
        elif kind == "trailer":
            self._trailer(record)
        else:
            raise _Unreadable

    def _header(self, record: Mapping[str, Any]) -> None:
        if record.get("format") != FORMAT:
            raise _Unreadable
        self.header = record
        self.report.chain = str(record["chain"])
        self.report.from_seq = self.expected = int(record["from_seq"])
        self.hash = bytes.fromhex(record["prev_hash"])
        if self.expected == 1 and self.hash != first_hash(self.report.chain):
            self.problem("altered", "the chain does not start where this chain starts")
        if self.expected > 1:
            self.report.notes.append(f"entries before number {self.expected} are not part of this export")
        self._read_keys(record["public_keys"])

    def _read_keys(self, keys: Mapping[str, str]) -> None:
        for name, text in keys.items():
            raw = base64.b64decode(text, validate=True)
            if key_id(raw) != name:
                self.problem("signature", f"public key {name} is not the key of that name")
            self.keys[name] = raw
        if self.trusted is None:
            self.report.notes.append("the public key in the file was used; compare it with one you got elsewhere")
        else:
            trusted = base64.b64decode(self.trusted, validate=True)
            self.keys = {key_id(trusted): trusted}

    def _step(self, seq: int, digest: bytes, claimed: bytes | None) -> None:
        """Follow the chain by one entry; after a gap or an alteration go on from what the file claims."""
        if seq != self.expected:
            missing = seq > self.expected
            message = f"entries {self.expected} to {seq - 1} are missing" if missing else "the entry is out of order"
            self.problem("missing" if missing else "order", message, seq)
            self.hash = None
        computed = link(self.hash, seq, digest) if self.hash is not None else claimed
        if claimed is not None and computed != claimed:
            self.problem("altered", "the content or its place in the chain was changed", seq)
        self.hash = claimed or computed
        self.expected = seq + 1
        if seq in self.wanted and computed is not None:
            self.hashes[seq] = computed

    def _entry(self, record: Mapping[str, Any]) -> None:
        self.report.entries += 1
        self._step(int(record["seq"]), content_digest(record), bytes.fromhex(record["hash"]))

    def _omitted(self, record: Mapping[str, Any]) -> None:
        first, digests = int(record["from_seq"]), record["digests"]
        self.report.omitted += len(digests)
        for offset, digest in enumerate(digests):
            last = offset == len(digests) - 1
            self._step(first + offset, bytes.fromhex(digest), bytes.fromhex(record["hash"]) if last else None)

    def _checkpoint(self, record: Mapping[str, Any], actual: bytes | None) -> None:
        seq, digest = int(record["seq"]), str(record["hash"])
        statement = checkpoint_statement(self.report.chain, seq, digest, str(record["created_at"]))
        if not self._signed(record, statement):
            self.problem("signature", "the checkpoint's signature is not valid", seq)
        elif actual is not None and actual.hex() != digest:
            self.problem("altered", "the chain differs from what a checkpoint attests", seq)
        self.report.checkpoints += 1

    def _trailer(self, record: Mapping[str, Any]) -> None:
        self.closed = True
        self.report.signed_by = str(record["key_id"])
        if not self._signed(record, export_statement(self.report.chain, self.header, record)):
            self.problem("signature", "the export's signature is not valid")
        counts = (int(record["entries"]), int(record["omitted"]), int(record["to_seq"]))
        if counts != (self.report.entries, self.report.omitted, self.expected - 1):
            self.problem("truncated", f"the export was made with {counts[0]} entries up to number {counts[2]}")
        if self.hash is not None and str(record["hash"]) != self.hash.hex():
            self.problem("altered", "the chain does not end in the hash the trailer states")

    def _signed(self, record: Mapping[str, Any], statement: bytes) -> bool:
        key = self.keys.get(str(record["key_id"]))
        if key is None:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(bytes.fromhex(record["signature"]), statement)
        except (InvalidSignature, ValueError):
            return False
        return True

    def finish(self) -> None:
        self.report.to_seq = max(self.expected - 1, 0)
        if not self.closed and not any(problem.code == "unreadable" for problem in self.report.problems):
            self.problem("truncated", "the trailer is missing: the end of the export was cut off", offset=1)
        for checkpoint in self.kept:
            self._kept(checkpoint)

    def _kept(self, checkpoint: Mapping[str, Any]) -> None:
        seq = int(checkpoint["seq"])
        if str(checkpoint["chain"]) != self.report.chain:
            return
        if seq > self.report.to_seq and self.header.get("complete"):
            self.problem("truncated", f"the chain ends at {self.report.to_seq}, a kept checkpoint attests {seq}", seq)
        self._checkpoint(checkpoint, self.hashes.get(seq))


def _json_records(lines: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    for line in lines:
        record = json.loads(line)
        if not isinstance(record, dict):
            raise _Unreadable
        yield record


def _csv_records(lines: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    csv.field_size_limit(LARGEST_CELL)
    try:
        rows = csv.reader(lines, strict=True)
        if tuple(next(rows)) != COLUMNS:
            raise _Unreadable
        for row in rows:
            cells = dict(zip(COLUMNS, map(unquote_cell, row), strict=True))
            if cells["record"] != "entry":
                yield {**json.loads(cells["proof"]), "record": cells["record"]}
            else:
                yield {**cells, "details": json.loads(cells["details"])}
    except (csv.Error, StopIteration):
        raise _Unreadable from None


def _kept_checkpoints(path: Path) -> list[Mapping[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [record for record in _json_records(lines) if record.get("record") == "checkpoint"]


def main(arguments: list[str] | None = None) -> int:
    """Print the report; 0 when intact, 1 when not, 2 when the file can not be read."""
    parser = argparse.ArgumentParser(description="Verify an exported audit trail.")
    parser.add_argument("export", type=Path)
    parser.add_argument("--public-key", help="the key to trust, in base64")
    parser.add_argument("--checkpoints", type=Path, help="checkpoints kept apart, JSON Lines")
    options = parser.parse_args(arguments)
    try:
        report = verify(options.export, public_key=options.public_key, checkpoints=options.checkpoints)
    except (OSError, ValueError, binascii.Error) as error:
        sys.stderr.write(f"can not read: {error}\n")
        return 2
    sys.stdout.write(report.as_text() + "\n")
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
