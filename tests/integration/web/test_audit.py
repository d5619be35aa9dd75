"""Pages of the audit trail: filters, verification, exports that verify offline."""

import csv
import io
import json
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client

from ipaas import audit
from ipaas.accounts.models import Workspace
from ipaas.accounts.roles import ROLES
from ipaas.audit.models import AuditEntry
from ipaas.audit.verifier import verify
from ipaas.core.actor import Actor
from tests.integration.web.conftest import Browsers

LIST = "/w/acme/audit/"
PAGES = {LIST: "audit.view", f"{LIST}export/csv/": "audit.export", f"{LIST}export/jsonl/": "audit.export",
         f"{LIST}checkpoints/": "audit.export"}  # fmt: skip
VERIFY = f"{LIST}verify/"
ALICE = Actor(kind="user", id="a1", label="alice@example.org", ip="192.0.2.7")


@pytest.fixture
def auditor(as_role: Browsers, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Signed in without an entry of its own, so that a test knows every entry."""
    monkeypatch.setattr("ipaas.accounts.signals.record_signin", lambda *_: None)
    return as_role("auditor")


def deed(workspace: Workspace, slug: str = "order", action: str = "settings.changed") -> AuditEntry:
    return audit.record(
        action, actor=ALICE, workspace_id=workspace.id, subject=("flow", "f1", slug), details={"by": slug}
    )


def content(answer: object) -> bytes:
    return b"".join(answer.streaming_content)  # type: ignore[attr-defined]


@pytest.mark.parametrize("url", PAGES)
@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_page_is_for_those_with_its_permission(as_role: Browsers, role: str, url: str) -> None:
    assert as_role(role).get(url).status_code == (200 if PAGES[url] in ROLES[role] else 403)


@pytest.mark.parametrize("role", sorted(ROLES))
def test_verifying_is_for_those_who_may_read(as_role: Browsers, role: str) -> None:
    assert as_role(role).post(VERIFY).status_code == (302 if "audit.view" in ROLES[role] else 403)


@pytest.mark.parametrize("url", [*PAGES, VERIFY])
def test_a_stranger_finds_nothing(stranger: Client, workspace: Workspace, url: str) -> None:
    assert (stranger.post if url == VERIFY else stranger.get)(url).status_code == 404


def test_entries_of_another_workspace_are_not_shown(auditor: Client, stranger: Client, workspace: Workspace) -> None:
    deed(workspace, "ours")
    deed(Workspace.objects.get(slug="globex"), "theirs")

    assert [row.subject for row in auditor.get(LIST).context["page"].items] == ["flow ours"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"who": "ALICE"}, 2),
        ({"who": "bob"}, 0),
        ({"subject": "ord"}, 1),
        ({"subject": "f1"}, 2),
        ({"action": "settings."}, 1),
        ({"action": "environment.changed"}, 1),
        ({"flow": "order"}, 1),
        ({"outcome": "denied"}, 0),
        ({"correlation_id": "none"}, 0),
        ({"since": "2020-01-01T00:00"}, 2),
        ({"since": "2020-01-01"}, 2),
        ({"until": "2020-01-01T00:00:00Z"}, 0),
        ({"who": "\x00"}, 2),
    ],
    ids=lambda value: "-".join(map(repr, *value.items())) if isinstance(value, dict) else None,
)
def test_the_list_is_filtered_by_its_address(
    auditor: Client, workspace: Workspace, query: dict[str, str], expected: int
) -> None:
    deed(workspace)
    deed(workspace, "refund", "environment.changed")

    answer = auditor.get(LIST, query)
    assert (answer.status_code, len(answer.context["page"].items)) == (200, expected)


@pytest.mark.parametrize("query", [{"since": "yesterday"}, {"until": "2030-13-01T00:00"}, {"since": "9" * 300}])
def test_a_bad_time_is_said_and_not_used(auditor: Client, workspace: Workspace, query: dict[str, str]) -> None:
    answer = auditor.get(LIST, query)

    assert answer.status_code == 422
    assert "is not a date and time" in answer.content.decode()
    assert auditor.get(f"{LIST}export/csv/", query).status_code == 422


def test_pages_go_back_and_forth_and_keep_the_filter(auditor: Client, workspace: Workspace) -> None:
    made = [str(deed(workspace, f"o-{number}").details["by"]) for number in range(120)][::-1]
    seen, page = [], auditor.get(LIST, {"who": "alice"})
    for _ in range(3):
        seen.append([row.subject.removeprefix("flow ") for row in page.context["page"].items])
        last, page = page, auditor.get(LIST + page.context["page"].next_url)

    assert [subject for part in seen for subject in part] == made
    assert "who=alice" in last.context["page"].previous_url
    assert last.context["page"].next_url == ""
    newer = auditor.get(LIST + last.context["page"].previous_url).context["page"]
    assert [row.subject.removeprefix("flow ") for row in newer.items] == seen[1]


@pytest.mark.parametrize("cursor", ["x", "\x00", "0" * 400])
def test_a_bad_cursor_shows_the_newest(auditor: Client, workspace: Workspace, cursor: str) -> None:
    deed(workspace)

    assert len(auditor.get(LIST, {"before": cursor}).context["page"].items) == 1


def test_the_chain_is_verified_on_demand(auditor: Client, workspace: Workspace) -> None:
    deed(workspace)
    assert "Not verified yet" in auditor.get(LIST).content.decode()
    answer = auditor.post(VERIFY, headers={"HX-Request": "true"})

    assert "Intact up to entry 1" in answer.content.decode()
    assert "<html" not in answer.content.decode()
    assert "Intact up to entry 1" in auditor.get(LIST).content.decode()


def test_a_changed_entry_breaks_the_chain(auditor: Client, workspace: Workspace) -> None:
    deed(workspace)
    auditor.post(VERIFY)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER")
        cursor.execute("UPDATE audit_entry SET actor_label = 'mallory' WHERE workspace_id = %s", [workspace.id])
        cursor.execute("ALTER TABLE audit_entry ENABLE TRIGGER USER")
    page = auditor.post(VERIFY, follow=True).content.decode()

    assert "The chain is broken" in page
    assert "Entry 1" in page


@pytest.mark.parametrize("fmt", ["csv", "jsonl"])
def test_an_export_verifies_offline_with_the_checkpoints(
    auditor: Client, workspace: Workspace, tmp_path: Path, fmt: str
) -> None:
    deed(workspace)
    deed(workspace, "refund")
    kept, file = tmp_path / "checkpoints.jsonl", tmp_path / f"export.{fmt}"
    kept.write_bytes(content(auditor.get(f"{LIST}checkpoints/")))
    answer = auditor.get(f"{LIST}export/{fmt}/", {"subject": "refund"})
    file.write_bytes(content(answer))
    report = verify(file, checkpoints=kept)

    assert report.ok, report.as_text()
    assert (report.entries, report.omitted, report.checkpoints) == (1, 2, 2)
    assert answer.headers["Content-Disposition"].endswith(f'-audit.{fmt}"')
    assert AuditEntry.objects.get(action="audit.exported").details["filters"] == {"subject": "refund"}

    file.write_bytes(file.read_bytes().replace(b"refund", b"defund"))
    assert not verify(file, checkpoints=kept).ok


def test_an_export_is_readable_by_programs(auditor: Client, workspace: Workspace) -> None:
    deed(workspace)
    lines = [json.loads(line) for line in content(auditor.get(f"{LIST}export/jsonl/")).splitlines()]
    rows = list(csv.DictReader(io.StringIO(content(auditor.get(f"{LIST}export/csv/")).decode())))

    assert [line["record"] for line in lines] == ["header", "entry", "entry", "trailer"]
    assert next(row["action"] for row in rows if row["record"] == "entry") == "settings.changed"


def test_there_are_two_formats(auditor: Client) -> None:
    assert auditor.get(f"{LIST}export/exe/").status_code == 404
