"""Entries: in the deed's transaction, never changed, numbered without gaps."""

import threading
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from ipaas import audit
from ipaas.accounts.models import Workspace
from ipaas.audit.models import AuditChain, AuditEntry
from ipaas.audit.recording import entry_row
from ipaas.audit.sequencer import content_of, sequence_all, sequence_batch, sequence_pending
from ipaas.audit.sql import entry_insert
from ipaas.audit.verifier import canonical, content_digest, first_hash, link
from ipaas.core import context, jsonio
from ipaas.core.actor import SYSTEM, Actor


def done(workspace: Workspace, count: int = 1) -> None:
    for number in range(count):
        audit.record("test.done", actor=SYSTEM, workspace_id=workspace.id, details={"number": number})


def test_an_entry_says_who_what_where_and_why(workspace: Workspace, alice: Actor) -> None:
    token = context.correlation_id.set("c-1")
    audit.record(
        "test.done",
        actor=alice,
        workspace_id=workspace.id,
        subject=("flow", UUID(int=5), "orders"),
        details={"reason": "why", "at": datetime(2030, 1, 1, tzinfo=UTC), "price": Decimal("1.10"), "share": 0.5},
    )
    context.correlation_id.reset(token)
    entry = AuditEntry.objects.get()
    assert (entry.actor_kind, entry.actor_label, entry.subject_label) == ("user", "alice@example.org", "orders")
    assert entry.subject_id == str(UUID(int=5))
    assert entry.correlation_id == "c-1"
    assert entry.details == {"reason": "why", "at": "2030-01-01T00:00:00+00:00", "price": "1.10", "share": "0.5"}


def test_no_deed_without_its_entry_and_no_entry_without_its_deed(workspace: Workspace) -> None:
    def fail_after_recording() -> None:
        with transaction.atomic():
            done(workspace)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_recording()
    with pytest.raises(LookupError, match="test\\.typo"):
        audit.record("test.typo", actor=SYSTEM, workspace_id=workspace.id)
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b", "x" * 5000])
def test_hostile_text_is_stored_harmlessly(text: str, workspace: Workspace) -> None:
    actor = Actor("anonymous", "", text, ip=text)
    subject = ("user", text, text)
    audit.record("test.done", actor=actor, workspace_id=workspace.id, details={text: [text]}, subject=subject)
    assert sequence_all(workspace.id) == 1


def test_details_take_no_objects(workspace: Workspace) -> None:
    with pytest.raises(TypeError):
        audit.record("test.done", actor=SYSTEM, workspace_id=workspace.id, details={"bytes": b"secret"})


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET actor_label = 'nobody'",
        "UPDATE audit_entry SET details = '{}'",
        "UPDATE audit_entry SET workspace_id = NULL",
        "UPDATE audit_entry SET seq = 7",
        "UPDATE audit_entry SET seq = NULL, hash = NULL",
        "DELETE FROM audit_entry",
        "SET LOCAL ipaas.audit_truncate = ''; TRUNCATE audit_entry",
    ],
)
@pytest.mark.parametrize("numbered", [True, False])
def test_the_database_refuses_to_change_entries(statement: str, numbered: bool, workspace: Workspace) -> None:
    done(workspace)
    if numbered:
        sequence_all(workspace.id)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_numbers_have_no_gaps_and_hashes_follow(workspace: Workspace) -> None:
    done(workspace, 3)
    try:
        with transaction.atomic():
            done(workspace)
            raise ZeroDivisionError
    except ZeroDivisionError:
        done(workspace, 2)
    assert sequence_batch(workspace.id, limit=2) == 2
    assert sequence_all(workspace.id) == 3
    entries = list(AuditEntry.objects.of_workspace(workspace.id).numbered())
    assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5]
    last = first_hash(str(workspace.id))
    for entry in entries:
        last = link(last, entry.seq or 0, content_digest(content_of(entry)))
        assert bytes(entry.hash or b"") == last
    head = AuditChain.objects.get(workspace_id=workspace.id)
    assert (head.seq, bytes(head.hash)) == (5, last)


def test_chains_are_separate_and_the_platform_has_its_own(workspace: Workspace, other_workspace: Workspace) -> None:
    for workspace_id in (workspace.id, other_workspace.id, None):
        audit.record("test.done", actor=SYSTEM, workspace_id=workspace_id)
    assert sequence_pending() == 3
    assert sequence_pending() == 0
    assert list(AuditEntry.objects.values_list("seq", flat=True)) == [1, 1, 1]


@pytest.mark.django_db(transaction=True)
def test_racing_sequencers_number_each_entry_once() -> None:
    workspace = Workspace.objects.create(slug="race", name="Race")
    done(workspace, 200)
    numbered = []

    def work() -> None:
        try:
            while count := sequence_batch(workspace.id, limit=7):
                numbered.append(count)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(numbered) == 200
    assert sorted(AuditEntry.objects.values_list("seq", flat=True)) == list(range(1, 201))


def test_many_entries_go_in_with_one_statement_of_the_engine(workspace: Workspace) -> None:
    rows = [
        entry_row("test.done", actor=SYSTEM, workspace_id=workspace.id, details={"count": number, "digest": "ä"})
        for number in range(3)
    ]
    rows.append(entry_row("test.done", actor=SYSTEM, workspace_id=None))
    statement, parameters = entry_insert(rows)
    connection.ensure_connection()
    cursor = psycopg.Cursor(connection.connection)  # parameters travel in binary form, as the engine sends them
    cursor.execute(statement.replace("%s", "%b").encode(), parameters)
    stored = AuditEntry.objects.of_workspace(workspace.id).order_by("id")
    assert [entry.details["count"] for entry in stored] == [0, 1, 2]
    assert AuditEntry.objects.of_workspace(None).count() == 1
    assert sequence_pending() == 4


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"b": 1, "a": [None, True, -5, 10**15]},
        {"ü": '\u2028 \x7f \x01 \n / " \\', "u": "😀"},
        {"é": 1, "e": 2, "\ue000": 3, "😀": 4},
    ],
)
def test_the_verifiers_canonical_form_is_the_products(value: jsonio.JSON) -> None:
    assert canonical(value) == jsonio.canonical(value)
