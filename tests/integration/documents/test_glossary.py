"""Terms: what is refused, which fields they mean, and what they lend to others."""

from typing import Any

import pytest

from ipaas.accounts.models import Workspace
from ipaas.core import providers
from ipaas.core.actor import SYSTEM
from ipaas.core.document_types import document_type
from ipaas.governance import services
from ipaas.governance.glossary import terms_in, uses_of_term
from ipaas.ownership.glossary import Glossary
from tests.factories.flow_documents import contract, mapping, schema, term

ORDER = {
    "type": "object",
    "properties": {
        "order": {"type": "object", "properties": {"id": {"type": "string"}}},
        "orderNumber": {"type": "string"},
        "ref": {"type": "string"},
    },
}


def apply(workspace: Workspace, content: dict[str, Any]) -> Any:
    return services.apply_document(actor=SYSTEM, workspace=workspace, content=content).version


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, []),
        ({"definition": ""}, ["document.minLength"]),
        ({"avoid": ["Order-Numbers"]}, ["term.avoided_name"]),
        ({"domain": "nowhere"}, ["domain.unknown"]),
        ({"slug": "other", "title": "Other", "synonyms": ["bestellnummer"]}, ["term.name_twice"]),
        ({"fields": [{"schema": "order"}]}, ["document.missing_key"]),
    ],
)
def test_findings(workspace: Workspace, changes: dict[str, Any], codes: list[str]) -> None:
    apply(workspace, term())
    assert [one.code for one in document_type("term").validate(term(**changes), workspace.id)] == codes


def test_a_term_is_found_by_name_synonym_holder_and_link(workspace: Workspace) -> None:
    apply(workspace, schema(schema=ORDER))
    apply(
        workspace,
        mapping(
            target_schema="order",
            fields={"ref": "source.id", "rows": {"each": "source.x", "fields": {"bestellnummer": "item.a"}}},
        ),
    )
    apply(workspace, contract())
    apply(workspace, term(fields=[{"schema": "order", "path": "ref"}]))
    found = Glossary.of_workspace(workspace.id).terms[0]
    assert {(one.kind, one.slug): tuple(sorted(one.places)) for one in uses_of_term(SYSTEM, found, workspace.id)} == {
        ("schema", "order"): ("order.id", "orderNumber", "ref"),
        ("mapping", "order-row"): ("ref", "rows[].bestellnummer"),
        ("contract", "orders-in"): (),
    }
    assert sorted(place for place, _ in terms_in(schema(schema=ORDER), workspace.id)) == [
        "order.id",
        "orderNumber",
        "ref",
    ]


def test_an_archived_and_a_foreign_term_lend_nothing(workspace: Workspace, other_workspace: Workspace) -> None:
    others = providers.get("glossary.synonyms")
    version = apply(workspace, term())
    assert list(others(workspace.id)("BESTELLNUMMER")) == ["Order number", "order id", "Bestellnummer"]
    assert list(others(other_workspace.id)("BESTELLNUMMER")) == []
    services.archive_document(document=version.document, actor=SYSTEM, reason="test")
    assert list(others(workspace.id)("BESTELLNUMMER")) == []
