"""What the editor knows while somebody writes: the form of the document, and what it may name in this workspace."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from ipaas.accounts.pages import WorkspaceRequest
from ipaas.contracts.contract_document import form as contract_form
from ipaas.contracts.document import form as schema_form
from ipaas.contracts.event_document import form as event_type_form
from ipaas.contracts.models import Contract, Schema, SchemaVersion
from ipaas.contracts.validators import resolved_part
from ipaas.events.models import Endpoint
from ipaas.expressions import FUNCTIONS
from ipaas.flows.catalogue import ActionFacts, catalogue_of
from ipaas.flows.form import flow_schema
from ipaas.flows.models import Flow
from ipaas.mapping.form import form as mapping_form
from ipaas.mapping.function_document import form as function_form
from ipaas.mapping.lookup_document import form as lookup_form
from ipaas.mapping.models import Mapping as MappingDocument
from ipaas.ownership.glossary import form_of

MOST_NAMES = 500
MOST_SHAPES = 60
DEPTH = 5
KEYWORDS = (
    "type", "properties", "required", "items", "enum", "const", "format", "pattern", "minLength", "maxLength",
    "minimum", "maximum", "minItems", "maxItems", "additionalProperties", "oneOf", "anyOf", "allOf", "x-sensitive",
    "examples", "description", "title", "$defs", "$ref",
)  # fmt: skip

Guide = dict[str, Any]


def guide_for(request: WorkspaceRequest, kind: str) -> Guide:
    """Everything that the editor completes and explains, as JSON; names only, never a value."""
    may = request.actor.may
    workspace = request.workspace
    return {
        "kind": kind,
        "schema": _forms()[kind],
        "functions": functions(),
        "keywords": KEYWORDS,
        "connections": connections(workspace.id) if may("connections.view") else {},
        "mapping": _references(MappingDocument, workspace.id) if may("mappings.view") else [],
        "schemas": _references(Schema, workspace.id) if may("schemas.view") else [],
        "contracts": _references(Contract, workspace.id) if may("contracts.view") else [],
        "shapes": _shapes(workspace.id) if may("schemas.view") else {},
        "endpoints": _slugs(Endpoint.objects.filter(workspace_id=workspace.id)) if may("connections.view") else [],
        "flows": _slugs(Flow.objects.visible_to(request.actor).live()),
        "variables": _variables(request) if may("settings.view") else [],
    }


@cache
def _forms() -> Mapping[str, Any]:
    return {
        "flow": flow_schema(),
        "mapping": mapping_form().schema,
        "schema": schema_form().schema,
        "lookup": lookup_form().schema,
        "function": function_form().schema,
        "contract": contract_form().schema,
        "event_type": event_type_form().schema,
        "term": form_of("term"),
        "convention": form_of("convention"),
    }


@cache
def functions() -> tuple[dict[str, str], ...]:
    """The functions of expressions, with signature and help."""
    return tuple({"label": name, "detail": one.signature, "info": one.doc} for name, one in sorted(FUNCTIONS.items()))


def connections(workspace_id: Any) -> Guide:
    """Connections by slug with their actions, the parameters of each, and their polls."""
    catalogue = catalogue_of(workspace_id)
    return {
        slug: {
            "connector": facts.connector,
            "actions": {name: _action(action) for name, action in sorted(facts.actions.items())},
            "polls": {name: dict(schema) for name, schema in sorted(facts.polls.items())},
        }
        for slug, facts in sorted(catalogue.connections.items() if catalogue else ())
    }


def _action(action: ActionFacts) -> Guide:
    return {"effect": str(action.effect), "undone_by": action.undone_by, "params": dict(action.params_schema)}


def _references(model: Any, workspace_id: Any) -> list[dict[str, str]]:
    rows = model.objects.in_workspace(workspace_id).live().filter(latest_version__gt=0)
    rows = rows.filter(derived_from="") if hasattr(model, "derived_from") else rows
    found = rows.order_by("slug").values_list("slug", "latest_version", "title")[:MOST_NAMES]
    return [{"label": f"{slug}@{number}", "info": title} for slug, number, title in found]


def _slugs(rows: Any) -> list[dict[str, str]]:
    found = rows.order_by("slug").values_list("slug", "title").distinct()[:MOST_NAMES]
    return [{"label": slug, "info": title} for slug, title in found]


def _variables(request: WorkspaceRequest) -> list[str]:
    return sorted({name for place in request.workspace.environments.all() for name in place.variables})


def _shapes(workspace_id: Any) -> Guide:
    """The fields of the newest version of each schema, for paths below ``trigger.body`` and ``source``."""
    newest = SchemaVersion.objects.in_workspace(workspace_id).filter(
        document__archived=False, document__derived_from=""
    )
    rows = newest.order_by("document_id", "-number").distinct("document_id").select_related("document")[:MOST_SHAPES]
    return {one.document.slug: shape_of(one.whole) for one in rows}


def shape_of(schema: Any, depth: int = DEPTH, root: Any = None) -> Guide:
    """Fields inside of fields; elements of a list count as the list."""
    root = schema if root is None else root
    if isinstance(schema, dict) and isinstance(schema.get("$ref"), str) and "properties" not in schema:
        return shape_of(resolved_part(root, schema["$ref"]), depth - 1, root)
    if not isinstance(schema, dict) or depth <= 0:
        return {}
    properties = schema.get("properties")
    if isinstance(properties, dict):
        return {str(name): shape_of(part, depth - 1, root) for name, part in properties.items()}
    return shape_of(schema.get("items"), depth, root)
