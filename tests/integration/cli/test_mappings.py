"""What runs have seen of a mapping, and who uses what mappings name, from the command line."""

import json
from typing import Any

import pytest

from ipaas.accounts.models import Environment, Workspace
from ipaas.core.actor import SYSTEM
from ipaas.governance.services import apply_document
from ipaas.mapping.models import Lookup, Mapping
from ipaas.runtime.drift import find_drift
from tests.factories.flow_documents import function, lookup, mapping, schema
from tests.integration.cli.conftest import Run, caller, told
from tests.integration.runtime.conftest import World, gateway

__all__ = ["gateway"]
pytestmark = pytest.mark.django_db(transaction=True)
EMAIL = "alice@example.com"
ORDER = {"id": "o-1", "email": EMAIL, "country": "DE", "coupon": "SAVE-5", "password": "hunter2hunter2"}
SHAPE = mapping(
    slug="shape", source_schema="order",
    fields={"to": "source.email", "rate": "lookup('rates', source.country).rate"}, lookups={"rates": "vat-rates"},
)  # fmt: skip


@pytest.fixture
def world(acme: Workspace, production: Environment, gateway: Any) -> World:
    """With a mapping, rows, and a schema that classifies the e-mail and knows no coupon."""
    for content in (schema(slug="order"), lookup(), SHAPE):
        apply_document(actor=SYSTEM, workspace=acme, content=content)
    return World(acme, production, gateway)


@pytest.fixture
def used(world: World) -> str:
    """The id of a run that used the mapping."""
    flow = world.flow({"id": "use", "map": {"mapping": "shape"}}, input={"schema": "order@1"})
    return str(world.play(flow, ORDER).id)


def cases() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (Mapping.objects.get(slug="shape").draft or {}).get("tests", [])
    return found


def test_samples_of_runs_are_listed_and_made_tests_without_what_is_sensitive(run: Run, used: str) -> None:
    assert "use" in run("mapping", "samples", "shape").stdout
    [sample] = told(run("mapping", "samples", "shape", "--json"))
    assert (sample["run_id"], sample["flow"], sample["step"], sample["failed"]) == (used, "orders", "use", False)
    assert sample["scope"]["source"]["country"] == "DE"
    assert told(run("mapping", "samples", "shape", "--limit", 1, "--json")) == [sample]
    added = run("mapping", "add-test", "shape", "--run", used)
    assert added.stdout == f"shape: {cases()[0]['name']} is added; read what it expects before you trust it\n"
    [case] = cases()
    assert (case["from_run"], case["expect"]["rate"], case["expect"]["to"]) == (used, 0.19, case["input"]["email"])
    again = told(run("mapping", "add-test", "shape", "--run", used, "--step", "use", "--json"))
    assert len(again["names"]) == len(cases()) == 2
    text = json.dumps([sample, cases()])
    assert not [secret for secret in (EMAIL, "alice", "hunter2") if secret in text]


def test_what_is_not_there_is_said_with_the_next_step(run: Run, used: str, acme: Workspace, live_server: Any) -> None:
    for words in (
        ("mapping", "samples", "nobody"),
        ("mapping", "drift", "nobody"),
        ("mapping", "add-test", "shape", "--run", "0" * 8 + "-0000-7000-8000-" + "0" * 12),
        ("mapping", "add-test", "shape", "--run", used, "--step", "nowhere"),
        ("mapping", "add-test", "shape", "--run", "no-run"),
        ("mapping", "drift", "shape", "--test", "nothing"),
        ("versions", "users", "lookup/nobody"),
        ("versions", "bring-along", "lookup/vat-rates", "--to", "mapping/nobody"),
    ):
        result = run(*words)
        assert result.exit_code not in (0, 2), words
        assert "Traceback" not in result.output
    assert run("mapping", "samples", "shape", "--limit", 0).exit_code == 2
    assert run("mapping", "add-test", "shape").exit_code == 2
    assert run("versions", "users", "mapping/shape").exit_code == 2
    reader = caller(live_server, acme, "mappings.view", "mappings.edit")
    assert told(reader("mapping", "samples", "shape", "--json")) == []  # of runs, which this key may not see
    assert told(reader("mapping", "drift", "shape", "--json")) == []
    assert reader("mapping", "add-test", "shape", "--run", used).exit_code != 0
    assert reader("versions", "bring-along", "lookup/vat-rates").exit_code != 0
    assert caller(live_server, acme, "mappings.view", "runs.view")(
        "mapping", "add-test", "shape", "--run", used
    ).exit_code
    assert cases() == []


def test_drift_is_listed_and_becomes_a_test_or_is_told_of_no_more(run: Run, used: str) -> None:
    assert told(run("mapping", "drift", "shape", "--json")) == []
    assert find_drift() == 3
    rows = told(run("mapping", "drift", "shape", "--json"))
    by_path = {row["path"]: row for row in rows}
    assert set(by_path) == {"/country", "/coupon", "/password"}
    assert "hunter2" not in json.dumps(rows)
    assert "/coupon comes with the data" in run("mapping", "drift", "shape").stdout
    added = run("mapping", "drift", "shape", "--test", by_path["/coupon"]["id"])
    assert added.stdout == "shape: drift: /coupon string is added\n"
    assert cases()[0]["input"]["coupon"] == "SAVE-5"
    ignored = run("mapping", "drift", "shape", "--ignore", by_path["/password"]["id"])
    assert ignored.stdout == "/password: told of no more\n"
    assert [row["path"] for row in told(run("mapping", "drift", "shape", "--json"))] == ["/country"]
    assert run("mapping", "drift", "shape", "--test", by_path["/coupon"]["id"]).exit_code != 0


def test_who_pins_a_lookup_is_listed_brought_along_and_warned(run: Run, world: World, acme: Workspace) -> None:
    [user] = told(run("versions", "users", "lookup/vat-rates", "--json"))
    assert (user["kind"], user["slug"], user["numbers"], user["behind"]) == ("mapping", "shape", [1], False)
    apply_document(actor=SYSTEM, workspace=acme, content=lookup(csv="code,name,rate\nDE,Germany,0.2\n"))
    assert told(run("versions", "users", "lookup/vat-rates", "--json"))[0]["behind"] is True
    ended = run("versions", "deprecate", "lookup/vat-rates@1", "--reason", "old")
    assert ended.stdout == "lookup/vat-rates@1 is deprecated; still used by mapping shape\n"
    refused = run("versions", "retire", "lookup/vat-rates@1", "--reason", "old")
    assert refused.exit_code == 1
    assert "referred to by mapping shape" in refused.output
    assert run("versions", "bring-along", "lookup/vat-rates").stdout == "mapping/shape: version 2 uses it\n"
    assert run("versions", "bring-along", "lookup/vat-rates").stdout == "nothing to bring along\n"
    assert run("versions", "retire", "lookup/vat-rates@1", "--reason", "old").exit_code == 0
    assert Lookup.objects.get().versions.get(number=1).state == "retired"
    apply_document(actor=SYSTEM, workspace=acme, content=function())
    assert told(run("versions", "users", "function/gross", "--json")) == []
