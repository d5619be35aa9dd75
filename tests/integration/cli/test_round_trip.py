"""The way out: a whole workspace as files, and the same workspace made of them elsewhere."""

from pathlib import Path
from typing import Any

import pytest

from ipaas.accounts.models import Workspace
from ipaas.core.actor import SYSTEM, known_permissions
from ipaas.core.document_types import document_types_in_order
from ipaas.flows import catalogue
from ipaas.flows.examples import ORDER_DOCUMENTS, example_text
from ipaas.governance.services import apply_document
from ipaas.mapping.queries import mapping_for
from ipaas.ownership.services import create_domain
from tests.factories.flow_documents import contract, convention, event_type, function, lookup, mapping, schema, term
from tests.integration.cli.conftest import Run, caller, told

pytestmark = pytest.mark.django_db(transaction=True)
SOURCES = (
    {"id": "o-1", "net": 100, "country": "DE"},
    {"id": "o-2", "net": 19, "country": "AT"},
    {"id": "o-3", "net": 1, "country": "XX"},
)
REFERRING = (
    schema(slug="z-box", title="Box", schema={"type": "integer"}),
    schema(
        slug="a-parcel",
        title="Parcel",
        schema={"properties": {"of": {"$ref": "order"}, "in": {"$ref": "box.json"}}},
        references={"box.json": "z-box"},
    ),
)
PRICED = mapping(
    slug="priced",
    lookups={"rates": "vat-rates"},
    functions={"gross": "gross"},
    fields={"id": "source.id", "total": "gross(source.net, lookup('rates', source.country, {'rate': 0}).rate)"},
    tests=[{"name": "germany", "input": {"id": "a", "net": 100, "country": "DE"}, "expect": {"id": "a", "total": 119}}],
    domain="sales",
)


@pytest.fixture
def full(acme: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Something of every kind: the documents of the demo, and what they lack."""
    monkeypatch.setattr(catalogue, "PROVIDER", "catalog.nobody")
    create_domain(workspace=acme, actor=SYSTEM, slug="sales", title="Sales")
    for name in ORDER_DOCUMENTS:
        apply_document(actor=SYSTEM, workspace=acme, text=example_text(name))
    for content in (term(), convention(), schema(), lookup(), function(), contract(), event_type(), *REFERRING, PRICED):
        apply_document(actor=SYSTEM, workspace=acme, content=content)
    return acme


@pytest.fixture
def elsewhere(live_server: Any, full: Workspace) -> Run:
    return caller(live_server, Workspace.objects.create(slug="globex", name="Globex"), *known_permissions())


def hashes(slug: str) -> dict[tuple[str, str], str]:
    """The hash of the newest version of every document of a workspace, parts of others included."""
    found = {}
    for kind in document_types_in_order():
        for version in kind.versions.in_force(Workspace.objects.get(slug=slug).id).select_related("document"):
            found[kind.kind, version.document.slug] = version.sha256
    return found


def outputs(slug: str) -> list[Any]:
    kind = next(one for one in document_types_in_order() if one.kind == "mapping")
    version = kind.versions.of(Workspace.objects.get(slug=slug).id, "priced")
    return [mapping_for(version.id).apply(one, {}) for one in SOURCES]


def test_a_workspace_is_the_same_elsewhere(run: Run, full: Workspace, elsewhere: Run, tmp_path: Path) -> None:
    exported = run("export", "--to", tmp_path / "all")
    assert exported.exit_code == 0, exported.output
    assert "not exported: domains (sales)" in exported.stderr
    folders = sorted(one.name for one in (tmp_path / "all").iterdir())
    assert folders == sorted(
        ["terms", "conventions", "schemas", "lookups", "functions", "contracts", "event-types", "mappings", "flows"]
    )
    applied = elsewhere("apply", tmp_path / "all")
    assert applied.exit_code == 0, applied.output
    assert hashes("globex") == hashes("acme")
    assert outputs("globex") == outputs("acme")
    assert outputs("globex")[0] == {"id": "o-1", "total": 119}

    again = elsewhere("apply", tmp_path / "all", "--plan")
    assert (again.exit_code, again.stdout.splitlines()[-1]) == (0, f"Plan: {len(ORDER_DOCUMENTS) + 10} unchanged.")
    assert elsewhere("diff", tmp_path / "all").exit_code == 0
    assert elsewhere("export", "--to", tmp_path / "back").exit_code == 0
    files = [one.relative_to(tmp_path / "all") for one in sorted((tmp_path / "all").rglob("*.yaml"))]
    assert [(tmp_path / "back" / one).read_bytes() for one in files] == [
        (tmp_path / "all" / one).read_bytes() for one in files
    ]
    assert "tests:" in (tmp_path / "all/mappings/priced.yaml").read_text()


def test_where_reviews_are_wanted_the_plan_and_the_exit_code_say_so(
    run: Run, full: Workspace, elsewhere: Run, tmp_path: Path
) -> None:
    Workspace.objects.filter(slug="globex").update(settings={"review_policy": {"mapping": "steward"}})
    assert (
        run("export", "mapping/priced", "lookup/vat-rates", "function/gross", "--to", tmp_path / "some").exit_code == 0
    )
    plan = told(elsewhere("apply", tmp_path / "some", "--plan", "--json"), 3)
    assert {step["slug"]: step["deed"] for step in plan} == {
        "vat-rates": "create",
        "gross": "create",
        "priced": "review",
    }
    assert elsewhere("apply", tmp_path / "some").exit_code == 7
    assert ("mapping", "priced") not in hashes("globex")
