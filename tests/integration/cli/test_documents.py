"""From a file to a run, and back into files."""

import json
from pathlib import Path
from typing import Any

import pytest

from ipaas.accounts.models import Environment, Workspace
from ipaas.audit.models import AuditEntry
from ipaas.contracts.models import Schema
from ipaas.flows.models import Flow
from ipaas.flows.yaml_form import to_yaml
from tests.factories.flow_documents import flow, schema
from tests.integration.cli.conftest import SIMPLE, Run, caller, told

WITH_SCHEMA = flow(steps=[{"id": "check", "validate": {"schema": "order"}}])
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def deployed(run: Run, document: Path, production: Environment) -> str:
    assert run("apply", document, "--deploy", "production").exit_code == 0
    return "orders"


def test_a_file_is_applied_shown_started_and_exported(
    run: Run, document: Path, production: Environment, tmp_path: Path
) -> None:
    applied = run("apply", document, "--note", "first", "--deploy", "production")
    assert applied.stdout.splitlines() == [
        "+ create flow orders: version 1, runs in production",
        "Plan: 1 to create.",
        "flow orders: version 1",
        "flow orders: version 1 runs in production",
    ]
    assert told(run("flows", "list", "--json"))[0]["slug"] == "orders"
    assert "production=1" in run("flows", "show", "orders").stdout
    started = told(run("trigger", "orders", '{"id": "o-1"}', "--json"))
    assert started["status"] == "queued"
    assert [row["id"] for row in told(run("runs", "list", "--flow", "orders", "--json"))] == [started["id"]]
    assert "o-1" in run("runs", "show", started["id"], "--values").stdout
    assert run("export", "--to", tmp_path / "out").stdout == f"{tmp_path}/out/flows/orders.yaml\n"
    assert run("diff", tmp_path / "out").exit_code == 0
    again = run("apply", tmp_path / "out")
    assert again.stdout == "Plan: 1 unchanged.\n"


def test_a_difference_is_shown_and_told_by_the_exit_code(run: Run, deployed: str, document: Path) -> None:
    document.write_text(json.dumps({**SIMPLE, "title": "All orders"}))
    found = run("diff", document)
    assert found.exit_code == 3
    assert '"title": "All orders"' in found.stdout


def test_findings_name_file_and_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("kind: flow\nslug: orders\nsteps: 3\n")
    found = run("validate", file)
    assert found.exit_code == 2
    assert f"{file}:3: error: /steps" in found.stdout
    assert run("validate", file, "--json").exit_code == 2
    refused = run("apply", file)
    assert refused.exit_code == 2
    assert f"{file}:3: error: /steps" in refused.stdout
    assert not Flow.objects.exists()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A schema, and a flow that refers to it, in a folder as git would hold it."""
    place = tmp_path / "documents"
    for name, content in (("flows/orders", WITH_SCHEMA), ("schemas/order", schema())):
        file = place / f"{name}.yaml"
        file.parent.mkdir(parents=True)
        file.write_text(f"# {name}\n{to_yaml(content)}")
    return place


def test_a_folder_is_planned_applied_and_then_unchanged(run: Run, folder: Path, production: Environment) -> None:
    planned = run("apply", folder, "--plan", "--deploy", "production")
    assert (planned.exit_code, Flow.objects.exists()) == (3, False)
    assert planned.stdout.splitlines() == [
        "+ create schema order: version 1",
        "+ create flow orders: version 1, runs in production",
        "Plan: 2 to create.",
    ]
    assert run("apply", folder, "--deploy", "production").exit_code == 0
    again = run("apply", folder, "--plan", "--deploy", "production")
    assert (again.exit_code, again.stdout) == (0, "Plan: 2 unchanged.\n")
    assert run("apply", folder, "--deploy", "production").stdout == "Plan: 2 unchanged.\n"
    assert run("export", "--to", folder).exit_code == 0
    assert (folder / "schemas/order.yaml").read_text().startswith("# schemas/order\n")


def test_a_plan_shows_what_changes(run: Run, folder: Path) -> None:
    run("apply", folder)
    file = folder / "flows/orders.yaml"
    file.write_text(file.read_text().replace("title: Orders", "title: All orders"))
    planned = told(run("apply", folder, "--plan", "--json"), 3)
    assert [(one["slug"], one["deed"], one["before"], one["version"]) for one in planned] == [
        ("order", "unchanged", 1, 1),
        ("orders", "change", 1, 2),
    ]
    assert "    +title: All orders" in run("apply", folder).stdout.splitlines()
    file.write_text(file.read_text().replace("# flows/orders", "# why"))
    assert told(run("apply", folder, "--json"))[1]["deed"] == "text"
    assert Flow.objects.get().latest_version == 2


def test_one_wrong_document_stops_all_of_them(run: Run, folder: Path) -> None:
    (folder / "flows/orders.yaml").write_text("kind: flow\nslug: orders\nsteps: 3\n")
    refused = run("apply", folder)
    assert refused.exit_code == 2
    assert f"{folder}/flows/orders.yaml:3: error: /steps" in refused.stdout
    assert not Schema.objects.exists()


def test_what_is_not_in_the_folder_stays_unless_it_is_pruned(run: Run, folder: Path, production: Environment) -> None:
    run("apply", folder)
    (folder / "flows/orders.yaml").unlink()
    assert run("apply", folder).stdout == "Plan: 1 unchanged.\n"
    unsure = run("apply", folder, "--prune")
    assert (unsure.exit_code, Flow.objects.get().archived) == (2, False)
    assert "- archive flow orders" in unsure.stdout
    assert run("apply", folder, "--prune", "--yes", "--note", "retired").stdout.endswith("flow orders: archived\n")
    assert Flow.objects.get().archived


def test_a_deployed_flow_is_not_pruned(run: Run, folder: Path, production: Environment) -> None:
    run("apply", folder, "--deploy", "production")
    (folder / "flows/orders.yaml").unlink()
    blocked = run("apply", folder, "--prune", "--yes")
    assert (blocked.exit_code, Flow.objects.get().archived) == (2, False)
    assert "orders is deployed; undeploy it first." in blocked.stdout


def test_a_document_given_twice_is_not_applied(run: Run, folder: Path) -> None:
    (folder / "again.yaml").write_text((folder / "flows/orders.yaml").read_text())
    refused = run("apply", folder)
    assert (refused.exit_code, Flow.objects.exists()) == (2, False)
    assert "flow orders is given more than once" in refused.stdout


def test_a_draft_that_somebody_left_is_told_before_it_is_written_over(run: Run, folder: Path) -> None:
    run("apply", folder)
    file = folder / "flows/orders.yaml"
    text = file.read_text()
    file.write_text(text.replace("title: Orders", "title: Half done"))
    run("apply", file, "--draft")
    file.write_text(text)
    planned = told(run("apply", folder, "--plan", "--json"), 3)
    assert [one["drafted"] for one in planned] == [False, True]


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
    (["runs", "list", "--status", "odd"], 1, "is not one of held"),
    (["audit", "list", "--filter", "x"], 2, "name=value"),
    (["audit", "list", "--filter", "x=1"], 1, "no such parameter"),
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
    assert (refused.exit_code, refused.stdout) == (6, "")
