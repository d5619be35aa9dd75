"""Trying flows out, promoting them and watching their runs from the command line."""

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from ipaas.accounts.models import Environment, Workspace
from ipaas.flows.models import Deployment
from tests.integration.cli.conftest import SIMPLE, Run, told
from tests.integration.runtime.conftest import _work as work

pytestmark = pytest.mark.django_db(transaction=True)
STAMPED = {**SIMPLE, "steps": [*SIMPLE["steps"], {"id": "stamp", "map": {"fields": {"at": "steps.note.output.order"}}}]}


@pytest.fixture
def staging(acme: Workspace) -> Environment:
    return Environment.objects.create(workspace=acme, slug="staging", name="Staging")


@pytest.fixture
def deployed(run: Run, tmp_path: Path, staging: Environment, production: Environment) -> str:
    file = tmp_path / "orders.json"
    file.write_text(json.dumps(STAMPED))
    assert run("apply", file, "--deploy", "staging").exit_code == 0
    return "orders"


@pytest.fixture
def worker() -> Any:
    """Works while a command waits."""
    done = threading.Event()

    def serve() -> None:
        while not done.wait(0.1):
            asyncio.run(work())

    thread = threading.Thread(target=serve)
    thread.start()
    yield
    done.set()
    thread.join()


def test_flows_are_listed_by_tag(run: Run, tmp_path: Path, production: Environment) -> None:
    for slug, tags in (("orders", ["sales", "shop"]), ("other", [])):
        file = tmp_path / f"{slug}.json"
        file.write_text(json.dumps({**SIMPLE, "slug": slug, "tags": tags}))
        assert run("apply", file).exit_code == 0
    assert {row["slug"] for row in json.loads(run("flows", "list", "--json").stdout)} == {"orders", "other"}
    tagged = json.loads(run("flows", "list", "--tag", "shop", "--json").stdout)
    assert [(row["slug"], row["tags"]) for row in tagged] == [("orders", ["sales", "shop"])]
    assert run("flows", "list", "--tag", "nothing", "--json").stdout.strip() == "[]"


def test_a_flow_is_promoted_after_its_plan(run: Run, deployed: str) -> None:
    words = ("flows", "promote", "orders", "--from", "staging", "--to", "production")
    planned = run(*words, "--plan")
    assert (planned.exit_code, planned.stdout) == (3, "orders in production: version none → 1\n")
    assert run(*words).exit_code == 2
    assert not Deployment.objects.filter(environment__slug="production").exists()
    assert run(*words, "--yes").stdout.endswith("orders version 1 runs in production\n")
    again = run(*words, "--plan")
    assert (again.exit_code, again.stdout) == (0, "production runs version 1 of orders already.\n")


@pytest.mark.usefixtures("worker")
def test_a_step_is_tried_out_and_its_result_shown(run: Run, deployed: str) -> None:
    words = ("flows", "test", "orders", "--step", "stamp", "-e", "staging", "--input", '{"id": "o-1"}')
    shown = run(*words)
    assert shown.exit_code == 0, shown.output
    assert "succeeded note" in shown.stdout
    assert told(run(*words, "--json"))["tested"]["output"] == {"at": "o-1"}
    alone = told(run(*words, "--alone", "--output", 'note={"order": "pinned"}', "--json"))
    assert alone["tested"]["output"] == {"at": "pinned"}
    assert alone["trigger"] == "test"
    assert run(*words, "--preview").stdout.split() == ["path", "effect", "what", "target"]
    unknown = run(*words[:3], "--step", "nowhere", *words[5:])
    assert (unknown.exit_code, "has no step" in unknown.stderr) == (1, True)


@pytest.mark.usefixtures("worker")
def test_a_file_is_tried_out_without_being_published(run: Run, deployed: str, tmp_path: Path) -> None:
    file = tmp_path / "sealed.json"
    file.write_text(json.dumps(STAMPED).replace("stamp", "seal"))
    words = ("flows", "test", "orders", "--step", "seal", "--file", str(file), "--input", '{"id": "o-1"}')
    shown = told(run(*words, "-e", "staging", "--json"))
    assert (shown["trigger"], shown["tested"]["output"]) == ("test", {"at": "o-1"})
    refused = run(*words, "-e", "production")
    assert (refused.exit_code, "real systems" in refused.stderr) == (1, True)
    both = run(*words, "-e", "staging", "--draft")
    assert (both.exit_code, "one of version, draft and document" in both.stderr) == (1, True)


@pytest.mark.usefixtures("worker")
def test_a_run_is_watched_to_its_end(run: Run, deployed: str) -> None:
    started = told(run("trigger", "orders", '{"id": "o-1"}', "-e", "staging", "--json"))
    watched = run("runs", "show", started["id"], "--watch")
    assert watched.exit_code == 0, watched.output
    assert watched.stdout.splitlines() == [
        "succeeded note",
        "succeeded stamp",
        f"run {started['id']} is succeeded",
    ]
