"""From a file to a run, and back into files."""

import json
from pathlib import Path
from typing import Any

import pytest

from ipaas.accounts.models import Environment, Workspace
from ipaas.audit.models import AuditEntry
from tests.integration.cli.conftest import SIMPLE, Run, caller, told

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def deployed(run: Run, document: Path, production: Environment) -> str:
    assert run("apply", document, "--deploy", "production").exit_code == 0
    return "orders"


def test_a_file_is_applied_shown_started_and_exported(
    run: Run, document: Path, production: Environment, tmp_path: Path
) -> None:
    applied = run("apply", document, "--note", "first", "--deploy", "production")
    assert applied.stdout == "flow orders: version 1\nflow orders: version 1 runs in production\n"
    assert told(run("flows", "list", "--json"))[0]["slug"] == "orders"
    assert "production=1" in run("flows", "show", "orders").stdout
    started = told(run("trigger", "orders", '{"id": "o-1"}', "--json"))
    assert started["status"] == "queued"
    assert [row["id"] for row in told(run("runs", "list", "--flow", "orders", "--json"))] == [started["id"]]
    assert "o-1" in run("runs", "show", started["id"], "--values").stdout
    assert run("export", "--to", tmp_path / "out").stdout == f"{tmp_path}/out/flows/orders.yaml\n"
    assert run("diff", tmp_path / "out").exit_code == 0
    again = run("apply", tmp_path / "out")
    assert again.stdout == "flow orders: version 1\n"


def test_a_difference_is_shown_and_told_by_the_exit_code(run: Run, deployed: str, document: Path) -> None:
    document.write_text(json.dumps({**SIMPLE, "title": "All orders"}))
    found = run("diff", document)
    assert found.exit_code == 1
    assert "+title: All orders" in found.stdout


def test_findings_name_file_and_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("kind: flow\nslug: orders\nsteps: 3\n")
    found = run("validate", file)
    assert found.exit_code == 1
    assert f"{file}:3: error: /steps" in found.stdout
    assert run("validate", file, "--json").exit_code == 1
    refused = run("apply", file)
    assert refused.exit_code == 1
    assert refused.stderr.startswith("Error: The input is not valid")


def test_a_flow_is_paused_and_resumed_with_its_reason(run: Run, deployed: str) -> None:
    assert run("flows", "pause", "orders").exit_code == 2
    assert run("flows", "pause", "orders", "--reason", "sale").stdout == "orders is paused\n"
    assert AuditEntry.objects.get(action="flow.paused").details["reason"] == "sale"
    refused = run("trigger", "orders", "{}")
    assert (refused.exit_code, refused.stderr.startswith("Error: The flow orders is paused")) == (1, True)
    assert run("flows", "resume", "orders").exit_code == 0


def test_a_rollback_runs_the_version_before(run: Run, deployed: str, document: Path) -> None:
    refused = run("flows", "rollback", "orders", "--reason", "wrong")
    assert refused.exit_code == 1
    document.write_text(json.dumps({**SIMPLE, "title": "All orders"}))
    assert run("apply", document, "--deploy", "production").exit_code == 0
    assert run("flows", "rollback", "orders", "--reason", "wrong").stdout == "orders version 1 runs in production\n"


def test_the_same_key_starts_one_run(run: Run, deployed: str) -> None:
    runs = [told(run("trigger", "orders", "-", "--key", "k", "--json", stdin='{"id": "1"}'))["id"] for _ in range(2)]
    assert runs[0] == runs[1]


WRONG: list[tuple[list[str], int, str]] = [
    (["flows", "show", "nowhere"], 4, "There is no flow"),
    (["runs", "show", "01a20d2d-88bc-735d-bdc8-a5f18795169f"], 4, "There is no run"),
    (["runs", "show", "no-id"], 2, "not a valid UUID"),
    (["trigger", "orders", "{"], 1, "JSON"),
    (["trigger", "orders", "@/nowhere.json"], 2, "can not be read"),
    (["export", "orders"], 2, "is not of the form"),
    (["apply", "/nowhere.yaml"], 2, "there is no file"),
    (["runs", "list", "--status", "odd"], 1, "odd"),
    (["audit", "list", "--filter", "x"], 2, "name=value"),
    (["audit", "list", "--filter", "x=1"], 1, "no filter"),
]


def test_what_is_wrong_is_told_without_a_traceback(run: Run) -> None:
    for words, code, said in WRONG:
        result = run(*words)
        assert result.exit_code == code, (words, result.output)
        assert said in result.stderr, words
        assert result.stdout == "", words
        assert "Traceback" not in result.stderr, words


def test_a_lacking_permission_has_its_exit_code(live_server: Any, acme: Workspace) -> None:
    looking = caller(live_server, acme, "flows.view")
    assert looking("flows", "list").exit_code == 0
    refused = looking("runs", "list")
    assert (refused.exit_code, refused.stdout) == (3, "")
