"""Documents for the tests of their pages: texts of every kind, and texts that are wrong in every way."""

from typing import Any

from ipaas.accounts.models import Workspace
from ipaas.core.actor import SYSTEM
from ipaas.flows.yaml_form import to_yaml
from ipaas.governance.services import apply_document
from tests.factories.flow_documents import (
    contract,
    convention,
    event_type,
    flow,
    function,
    lookup,
    mapping,
    schema,
    term,
)

EXAMPLE = {"id": "SO-1", "email": "someone@shop.example"}


def simple_flow(**changes: Any) -> dict[str, Any]:
    """A flow that calls nothing."""
    check = {"id": "check", "validate": {"schema": {"type": "object"}, "value": "trigger.body"}}
    return flow(steps=[check], **changes)


CONTENTS: dict[str, dict[str, Any]] = {
    "flows": simple_flow(),
    "mappings": mapping(),
    "schemas": schema(examples=[EXAMPLE]),
    "lookups": lookup(),
    "functions": function(),
    "contracts": contract(slug="order"),
    "event-types": event_type(),
    "terms": term(),
    "conventions": convention(),
}
SLUGS = {place: str(content["slug"]) for place, content in CONTENTS.items()}
KINDS = {
    "flows": "flow",
    "mappings": "mapping",
    "schemas": "schema",
    "lookups": "lookup",
    "functions": "function",
    "contracts": "contract",
    "event-types": "event_type",
    "terms": "term",
    "conventions": "convention",
}
BAD_TEXTS = {
    "empty": "",
    "text": "just words",
    "list": "[1, 2]",
    "unclosed": '{"kind": "flow", ',
    "tabs": "kind:\tflow\n\t- x",
    "anchor bomb": "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]",
    "nul": "kind: flow\x00",
    "lone surrogate escape": '{"kind": "flow", "slug": "\\ud800"}',
    "other kind": "kind: nothing\nslug: x",
    "no kind": "slug: x",
    "kind is a list": "kind: [flow]\nslug: x",
    "slug is a number": "kind: flow\nslug: 7",
    "slug of nonsense": "kind: flow\nslug: ../etc",
    "deep": "[" * 500,
    "deep objects": '{"a":' * 60 + "1" + "}" * 60,
    "two documents": "kind: flow\n---\nkind: flow",
    "huge number": "kind: flow\nslug: x\ntitle: 1e999",
    "duplicate key": "kind: flow\nkind: flow",
    "fields are text": "kind: mapping\nslug: x\ntitle: x\nfields: no",
    "steps are numbers": "kind: flow\nslug: x\ntitle: x\nsteps: [1, null, {id: 3}]",
    "reference of nonsense": "kind: mapping\nslug: x\ntitle: x\nsource_schema: 'a@b@c'\nfields: {a: source.b}",
    "schema of nonsense": "kind: schema\nslug: x\ntitle: x\nschema: {type: 7, $ref: 'http://a/b'}",
    "examples are text": "kind: schema\nslug: x\ntitle: x\nschema: {type: string}\nexamples: no",
    "too long": "a" * 1_000_005,
}


def yaml_of(place: str, **changes: Any) -> str:
    return to_yaml({**CONTENTS[place], **changes})


def published(workspace: Workspace, place: str, **changes: Any) -> Any:
    """The document of a place, published once more; a contract with the schema that it names."""
    if place == "contracts":
        published(workspace, "schemas")
    return apply_document(actor=SYSTEM, workspace=workspace, content={**CONTENTS[place], **changes}).document
