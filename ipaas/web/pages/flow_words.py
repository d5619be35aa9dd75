"""What the editor of flows completes: keys of the document, connections and their actions, functions of expressions."""

from collections.abc import Iterator
from functools import cache
from typing import Any
from uuid import UUID

from ipaas.expressions import FUNCTIONS
from ipaas.flows.catalogue import catalogue_of
from ipaas.flows.form import flow_schema

STARTER = """\
kind: flow
slug: my-flow
title: My flow
owner: ""
trigger:
  manual: {}
business_ids:
  order: trigger.body.order.id
primary_business_id: order
deadline: P1D
steps:
  - id: check
    title: Check the order
    validate:
      schema:
        type: object
        required: [order]
      value: trigger.body
"""

Word = dict[str, str]


def words_of(workspace_id: UUID) -> list[Word]:
    """Completions for flow documents of a workspace."""
    return [*_keys(), *functions(), *_names(workspace_id)]


@cache
def functions() -> tuple[Word, ...]:
    """The functions of expressions."""
    return tuple(
        {"label": name, "type": "function", "detail": one.signature, "info": one.doc} for name, one in FUNCTIONS.items()
    )


@cache
def _keys() -> tuple[Word, ...]:
    found = dict(_described(flow_schema()))
    return tuple({"label": name, "type": "property", "info": doc} for name, doc in sorted(found.items()))


def _described(schema: Any) -> Iterator[tuple[str, str]]:
    if isinstance(schema, list):
        for part in schema:
            yield from _described(part)
    elif isinstance(schema, dict):
        properties = schema.get("properties")
        if isinstance(properties, dict):
            yield from ((name, str(part.get("description", ""))) for name, part in properties.items())
        for name, part in schema.items():
            if name not in ("examples", "enum", "required"):
                yield from _described(part)


def _names(workspace_id: UUID) -> Iterator[Word]:
    catalogue = catalogue_of(workspace_id)
    for slug, facts in sorted(catalogue.connections.items()) if catalogue else ():
        yield {"label": slug, "type": "variable", "info": f"Connection over {facts.connector}"}
        for name, action in sorted(facts.actions.items()):
            yield {"label": name, "type": "method", "info": f"{facts.connector}: {action.effect}"}
