"""The way out: a whole workspace as files, and the same workspace made of them elsewhere."""

from pathlib import Path
from typing import Any

import pytest

from ipaas.accounts.models import Workspace
from ipaas.core.actor import SYSTEM, known_permissions
from ipaas.core.document_types import document_type, document_types_in_order
from ipaas.flows import catalogue
from ipaas.flows.examples import ORDER_DOCUMENTS, example_text
from ipaas.governance.services import apply_document
from ipaas.mapping.cases import run_cases
from ipaas.mapping.lookups import compile_lookup
from ipaas.mapping.queries import mapping_for
from ipaas.mapping.resolving import resolver_of
from ipaas.ownership.glossary import Glossary
from ipaas.ownership.models import Domain
from ipaas.ownership.services import create_domain
from tests.factories.flow_documents import contract, convention, event_type, function, lookup, mapping, schema, term
from tests.factories.people import make_member
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
    make_member(acme, "sue@example.com", "steward")
    make_member(acme, "ada@example.com", "admin")
    people = {"owner": "ada@example.com", "stewards": ["sue@example.com", "ada@example.com"]}
    create_domain(workspace=acme, actor=SYSTEM, slug="sales", title="Sales", **people)
    for name in ORDER_DOCUMENTS:
        apply_document(actor=SYSTEM, workspace=acme, text=example_text(name))
    for content in (term(), convention(), schema(), lookup(), function(), contract(), event_type(), *REFERRING, PRICED):
        apply_document(actor=SYSTEM, workspace=acme, content=content)
    return acme


@pytest.fixture
def elsewhere(live_server: Any, full: Workspace) -> Run:
    workspace = Workspace.objects.create(slug="globex", name="Globex")
    make_member(workspace, "sue@example.com", "steward")
    make_member(workspace, "ada@example.com", "admin")
    return caller(live_server, workspace, *known_permissions())


def hashes(slug: str) -> dict[tuple[str, str], str]:
    """The hash of the newest version of every document of a workspace, parts of others included."""
    found = {}
    for kind in document_types_in_order():
        for version in kind.versions.in_force(Workspace.objects.get(slug=slug).id).select_related("document"):
            found[kind.kind, version.document.slug] = version.sha256
    return found


def outputs(slug: str) -> dict[str, Any]:
    """What everything gives: each mapping for each input (or its failure), tests, rows of lookups, the glossary."""
    workspace_id = Workspace.objects.get(slug=slug).id
    found: dict[str, Any] = {}
    for version in document_type("mapping").versions.in_force(workspace_id).select_related("document"):
        draft, name = version.document.draft or {}, version.document.slug
        inputs = [*SOURCES, *(one["input"] for one in draft.get("tests", ()))]
        found[name] = [_given(version.id, one) for one in inputs]
        found[f"tests of {name}"] = [
            (one.name, one.passed) for one in run_cases(draft, resolve=resolver_of(workspace_id)).results
        ]
    for version in document_type("lookup").versions.in_force(workspace_id).select_related("document"):
        found[f"rows of {version.document.slug}"] = dict(compile_lookup(version.content).rows)
    glossary = Glossary.of_workspace(workspace_id)
    found["glossary"] = (glossary.terms, sorted(glossary.by_words))
    return found


def _given(version_id: Any, source: Any) -> Any:
    explained = mapping_for(version_id).explain(source, {"trigger": {"body": source}})
    fault = explained.first_error
    return explained.target, fault.code if fault is not None else ""


def test_a_workspace_is_the_same_elsewhere(run: Run, full: Workspace, elsewhere: Run, tmp_path: Path) -> None:
    exported = run("export", "--to", tmp_path / "all")
    assert exported.exit_code == 0, exported.output
    folders = sorted(one.name for one in (tmp_path / "all").iterdir())
    assert folders == sorted(
        [
            "domains",
            "terms",
            "conventions",
            "schemas",
            "lookups",
            "functions",
            "contracts",
            "event-types",
            "mappings",
            "flows",
        ]
    )
    applied = elsewhere("apply", tmp_path / "all")
    assert applied.exit_code == 0, applied.output
    assert hashes("globex") == hashes("acme")
    assert outputs("globex") == outputs("acme")
    assert outputs("globex")["priced"][0] == ({"id": "o-1", "total": 119}, "")
    assert outputs("globex")["tests of priced"] == [("germany", True)]
    domain = Domain.objects.get(workspace__slug="globex")
    assert (domain.owner and domain.owner.user.email, domain.stewards.count()) == ("ada@example.com", 2)

    again = elsewhere("apply", tmp_path / "all", "--plan")
    assert (again.exit_code, again.stdout.splitlines()[-1]) == (0, f"Plan: {len(ORDER_DOCUMENTS) + 11} unchanged.")
    assert elsewhere("diff", tmp_path / "all").exit_code == 0
    assert elsewhere("export", "--to", tmp_path / "back").exit_code == 0
    files = [one.relative_to(tmp_path / "all") for one in sorted((tmp_path / "all").rglob("*.yaml"))]
    assert [(tmp_path / "back" / one).read_bytes() for one in files] == [
        (tmp_path / "all" / one).read_bytes() for one in files
    ]
    assert "tests:" in (tmp_path / "all/mappings/priced.yaml").read_text()


def test_a_domain_is_applied_for_the_people_there_are(
    run: Run, full: Workspace, live_server: Any, tmp_path: Path
) -> None:
    assert run("export", "domain/sales", "--to", tmp_path / "some").exit_code == 0
    file = tmp_path / "some/domains/sales.yaml"
    assert file.read_text().startswith("kind: domain\nslug: sales\ntitle: Sales\nowner: ada@example.com\n")
    elsewhere = caller(live_server, Workspace.objects.create(slug="globex", name="Globex"), *known_permissions())
    assert "left out" in elsewhere("validate", file).output
    assert "domain sales: saved" in elsewhere("apply", file).output
    assert Domain.objects.get(workspace__slug="globex").stewards.count() == 0
    assert elsewhere("apply", file, "--plan").exit_code == 0
    file.write_text("# who answers\n" + file.read_text().replace("title: Sales", "title: All sales"))
    assert elsewhere("diff", file).exit_code == 3
    assert "+title: All sales" in elsewhere("apply", file, "--plan").output
    assert Domain.objects.get(workspace__slug="globex").title == "Sales"
    assert (run("apply", file).exit_code, run("diff", file).exit_code) == (0, 0)
    file.write_text(file.read_text() + "colour: red\n")
    told_so = elsewhere("apply", file)
    assert (told_so.exit_code, "there is no key 'colour'" in told_so.output) == (2, True)
    key = caller(live_server, full, "flows.view", "flows.edit")
    assert key("apply", file).exit_code == 6


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
