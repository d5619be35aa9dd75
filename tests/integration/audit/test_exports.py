"""Exports prove themselves; the offline verifier finds every kind of tampering."""

import base64
import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipaas import audit
from ipaas.accounts.models import Workspace
from ipaas.audit import verifier
from ipaas.audit.errors import SigningKeyUnusable
from ipaas.audit.exports import export_checkpoints
from ipaas.audit.models import AuditCheckpoint, AuditEntry
from ipaas.audit.querysets import AuditFilters
from ipaas.audit.sequencer import sequence_all, write_checkpoint, write_checkpoints
from ipaas.audit.services import export_entries, verify_chain
from ipaas.audit.signing import public_keys, renew_key
from ipaas.audit.verifier import Report, verify
from ipaas.core import providers
from ipaas.core.actor import SYSTEM, Actor
from ipaas.core.clock import now
from ipaas.core.errors import InvalidInput, NotFound, PermissionDenied

Fmt = Literal["csv", "jsonl"]
Export = Callable[..., Path]
EVERYTHING = AuditFilters()


@pytest.fixture
def filled(workspace: Workspace, alice: Actor) -> Workspace:
    """Ten entries in three kinds, a checkpoint after the sixth."""
    for number in range(10):
        flow = ("flow", f"f-{number % 2}", f"flow-{number % 2}")
        action = "test.other" if number % 3 == 0 else "test.done"
        details = {"number": number, "text": '=HYPERLINK("http://x"), "quoted"\nline'}
        audit.record(action, actor=alice, workspace_id=workspace.id, subject=flow, details=details)
        if number == 5:
            sequence_all(workspace.id)
            write_checkpoint(workspace.id)
    return workspace


@pytest.fixture
def export(filled: Workspace, alice: Actor, tmp_path: Path) -> Export:
    def run(fmt: Fmt = "jsonl", filters: AuditFilters = EVERYTHING) -> Path:
        path = tmp_path / f"audit.{fmt}"
        parts = export_entries(workspace_id=filled.id, filters=filters, fmt=fmt, actor=alice)
        path.write_bytes(b"".join(parts))
        return path

    return run


def codes(report: Report) -> set[str]:
    return {problem.code for problem in report.problems}


@pytest.mark.parametrize("fmt", ["csv", "jsonl"])
def test_a_whole_export_is_intact_and_names_itself(fmt: Fmt, export: Export) -> None:
    report = verify(export(fmt))
    assert report.problems == []
    assert (report.from_seq, report.to_seq, report.entries, report.omitted, report.checkpoints) == (1, 11, 11, 0, 1)
    assert report.signed_by in public_keys()
    assert AuditEntry.objects.order_by("-id").first().action == "audit.exported"  # type: ignore[union-attr]


FILTERS: list[tuple[AuditFilters, int]] = [
    (AuditFilters(action="test.other"), 4),
    (AuditFilters(action="test."), 10),
    (AuditFilters(who="ALICE@"), 11),
    (AuditFilters(who="nobody"), 0),
    (AuditFilters(subject_type="flow", subject_id="f-1"), 5),
    (AuditFilters(flow="flow-0"), 5),
    (AuditFilters(outcome="ok", action="test.done", flow="f-1"), 3),
]


@pytest.mark.parametrize("fmt", ["csv", "jsonl"])
@pytest.mark.parametrize(("filters", "count"), FILTERS)
def test_a_filtered_export_is_provable_too(filters: AuditFilters, count: int, fmt: Fmt, export: Export) -> None:
    path = export(fmt, filters)
    report = verify(path)
    assert report.problems == []
    assert (report.entries, report.entries + report.omitted) == (count, 11)


def test_left_out_entries_show_nothing_but_a_digest(export: Export) -> None:
    text = export("jsonl", AuditFilters(flow="flow-0")).read_text()
    assert "flow-1" not in text.partition("\n")[2]


def test_a_time_range_starts_and_ends_with_its_matches(workspace: Workspace, alice: Actor, tmp_path: Path) -> None:
    start = now() - timedelta(minutes=10)
    for minute in range(6):
        with time_machine.travel(start + timedelta(minutes=minute), tick=False):
            audit.record("test.done", actor=alice, workspace_id=workspace.id)
    filters = AuditFilters(since=start + timedelta(minutes=2), until=start + timedelta(minutes=4))
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join(export_entries(workspace_id=workspace.id, filters=filters, fmt="jsonl", actor=alice)))
    report = verify(path)
    assert report.problems == []
    assert (report.from_seq, report.to_seq, report.entries) == (3, 4, 2)
    assert any("before number 3" in note for note in report.notes)


@pytest.mark.parametrize("since", [timedelta(days=1), timedelta(days=-1)])
def test_an_empty_range_is_intact(since: timedelta, workspace: Workspace, alice: Actor, tmp_path: Path) -> None:
    path = tmp_path / "audit.csv"
    filters = AuditFilters(since=now() + since, until=now() + since + timedelta(hours=1))
    path.write_bytes(b"".join(export_entries(workspace_id=workspace.id, filters=filters, fmt="csv", actor=alice)))
    assert verify(path).problems == []


def test_no_cell_of_a_csv_is_a_formula(workspace: Workspace, export: Export) -> None:
    for label in ("=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "'quoted", "plain"):
        actor = Actor("user", label, label, workspace.id)
        audit.record("test.done", actor=actor, workspace_id=workspace.id, subject=("x", label, label))
    path = export("csv")
    rows = list(csv.reader(io.StringIO(path.read_bytes().decode(), newline="")))
    assert tuple(rows[0]) == verifier.COLUMNS
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert verify(path).problems == []


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def rewrite(path: Path, changed: list[dict[str, Any]]) -> Report:
    path.write_text("".join(json.dumps(record) + "\n" for record in changed))
    return verify(path)


def test_an_edited_entry_is_found_and_located(export: Export) -> None:
    path = export()
    changed = records(path)
    changed[3]["actor_label"] = "mallory@example.org"
    report = rewrite(path, changed)
    assert [(problem.code, problem.record, problem.seq) for problem in report.problems] == [("altered", 4, 3)]


@pytest.mark.parametrize("name", [*verifier.CONTENT, "seq", "hash"])
def test_every_column_is_covered(name: str, export: Export) -> None:
    path = export()
    changed = records(path)
    value = changed[4][name]
    changed[4][name] = value + 1 if name == "seq" else value[::-1] + "0" if isinstance(value, str) else {}
    assert not rewrite(path, changed).ok


def test_a_deleted_entry_is_found(export: Export) -> None:
    path = export()
    changed = records(path)
    del changed[4]
    report = rewrite(path, changed)
    assert {"missing", "truncated"} == codes(report)
    assert report.problems[0].message == "entries 4 to 4 are missing"


def test_reordered_entries_are_found(export: Export) -> None:
    path = export()
    changed = records(path)
    changed[3], changed[4] = changed[4], changed[3]
    assert "order" in codes(rewrite(path, changed))


def test_an_inserted_entry_is_found(export: Export) -> None:
    path = export()
    changed = records(path)
    changed.insert(4, changed[3])
    assert "order" in codes(rewrite(path, changed))


@pytest.mark.parametrize("keep", [1, 5, 11, 12])
def test_a_file_cut_short_is_found(keep: int, export: Export) -> None:
    path = export()
    assert "truncated" in codes(rewrite(path, records(path)[:keep]))


def test_a_cut_with_the_old_trailer_is_found(export: Export) -> None:
    path = export()
    changed = records(path)
    assert "truncated" in codes(rewrite(path, [*changed[:6], changed[-1]]))


def test_something_after_the_trailer_is_found(export: Export) -> None:
    path = export()
    changed = records(path)
    assert "order" in codes(rewrite(path, [*changed, changed[3]]))


@pytest.mark.parametrize(
    ("kind", "name"), [("checkpoint", "signature"), ("checkpoint", "hash"), ("trailer", "entries")]
)
def test_a_signed_record_can_not_be_changed(kind: str, name: str, export: Export) -> None:
    path = export()
    changed = records(path)
    record = next(record for record in changed if record["record"] == kind)
    record[name] = 5 if name == "entries" else record[name][::-1]
    assert "signature" in codes(rewrite(path, changed))


def test_the_header_is_signed(export: Export) -> None:
    path = export("jsonl", AuditFilters(action="test.done"))
    changed = records(path)
    changed[0]["filters"] = {}
    assert "signature" in codes(rewrite(path, changed))


def test_a_trusted_key_unmasks_a_chain_signed_anew(export: Export) -> None:
    path = export()
    trusted = next(iter(public_keys().values()))
    assert verify(path, public_key=trusted).ok
    stranger = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    assert "signature" in codes(verify(path, public_key=base64.b64encode(stranger).decode()))


def test_a_kept_checkpoint_unmasks_a_shortened_chain(
    filled: Workspace, alice: Actor, export: Export, tmp_path: Path
) -> None:
    sequence_all(filled.id)
    write_checkpoint(filled.id)
    kept = tmp_path / "checkpoints.jsonl"
    kept.write_bytes(b"".join(export_checkpoints(filled.id)))
    assert verify(export(), checkpoints=kept).ok
    behind_the_back("DELETE FROM audit_entry WHERE seq > 8")
    behind_the_back("DELETE FROM audit_checkpoint WHERE seq > 8")
    behind_the_back("UPDATE audit_chain SET seq = 8, hash = (SELECT hash FROM audit_entry WHERE seq = 8)")
    path = tmp_path / "shortened.jsonl"
    from ipaas.audit.exports import export as export_of

    path.write_bytes(b"".join(export_of(filled.id, EVERYTHING, "jsonl")))
    assert verify(path).ok
    assert "truncated" in codes(verify(path, checkpoints=kept))


def behind_the_back(statement: str) -> None:
    """What someone with the database's owner password can do."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement)
        cursor.execute("SET LOCAL session_replication_role = origin")


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("UPDATE audit_entry SET actor_label = 'nobody' WHERE seq = 4", "altered"),
        ("UPDATE audit_entry SET details = '{}' WHERE seq = 9", "altered"),
        ("DELETE FROM audit_entry WHERE seq = 4", "missing"),
        ("DELETE FROM audit_entry WHERE seq = 10", "truncated"),
        ("DELETE FROM audit_entry", "truncated"),
        ("UPDATE audit_entry SET seq = seq + 100 WHERE seq = 4", "missing"),
        ("UPDATE audit_checkpoint SET hash = sha256('x')", "signature"),
    ],
)
def test_tampering_in_the_database_is_found(statement: str, code: str, filled: Workspace, alice: Actor) -> None:
    assert verify_chain(workspace_id=filled.id, actor=alice).ok
    sequence_all(filled.id)
    behind_the_back(statement)
    assert code in codes(verify_chain(workspace_id=filled.id, actor=alice))


def test_only_who_may_exports_and_strangers_see_nothing(filled: Workspace, bob: Actor, charlie: Actor) -> None:
    for deed in (
        lambda actor: export_entries(workspace_id=filled.id, filters=EVERYTHING, fmt="csv", actor=actor),
        lambda actor: verify_chain(workspace_id=filled.id, actor=actor),
    ):
        with pytest.raises(PermissionDenied):
            deed(bob)
        with pytest.raises(NotFound):
            deed(charlie)


def test_checkpoints_are_written_only_where_a_chain_grew(filled: Workspace) -> None:
    sequence_all(filled.id)
    assert write_checkpoints() >= 1
    assert write_checkpoint(filled.id) is None
    assert list(AuditCheckpoint.objects.filter(chain_id=filled.id).values_list("seq", flat=True)) == [6, 10]


def test_a_renewed_key_leaves_old_signatures_valid(export: Export) -> None:
    export()
    renew_key()
    path = export()
    report = verify(path)
    assert report.problems == []
    assert len(records(path)[0]["public_keys"]) == 2


def test_the_private_key_lies_sealed(export: Export, filled: Workspace, alice: Actor) -> None:
    export()
    with providers.replaced("vault.platform_key", lambda purpose: bytes(32)), pytest.raises(SigningKeyUnusable):
        verify_chain(workspace_id=filled.id, actor=alice)


def test_the_verifier_runs_alone(export: Export, tmp_path: Path) -> None:
    path = export()
    copy = tmp_path / "verifier.py"
    copy.write_bytes(Path(verifier.__file__).read_bytes())
    command = [sys.executable, str(copy)]
    intact = subprocess.run([*command, str(path)], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (intact.returncode, intact.stdout.split(":")[0]) == (0, "Intact")
    path.write_text(path.read_text().replace("alice@", "mally@"))
    altered = subprocess.run([*command, str(path)], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (altered.returncode, altered.stdout.split(":")[0]) == (1, "NOT INTACT")
    missing = subprocess.run([*command, "nothing"], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert missing.returncode == 2


@given(data=st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_is_a_finding_never_an_error(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "garbage"
    path.write_bytes(data)
    assert not verify(path).ok


@pytest.mark.parametrize(
    "query",
    [{"since": "yesterday"}, {"since": "2030-01-01"}, {"until": "2030-01-01T00:00:00"}, {"nonsense": "1"}],
)
def test_a_bad_filter_is_named(query: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        AuditFilters.from_query(query)
    assert caught.value.errors[0]["path"] in query


def test_filters_come_from_a_query_string() -> None:
    filters = AuditFilters.from_query({"since": "2030-01-01T00:00:00Z", "who": "bob", "action": ""})
    assert filters.as_json() == {"since": "2030-01-01 00:00:00+00:00", "who": "bob"}


def test_the_platforms_own_chain_exports(db: None, tmp_path: Path) -> None:
    from ipaas.audit.exports import export as export_of

    audit.record("test.done", actor=SYSTEM, workspace_id=None)
    path = tmp_path / "platform.jsonl"
    path.write_bytes(b"".join(export_of(None, EVERYTHING, "jsonl")))
    assert verify(path).ok
