"""Where the terms of a glossary are used: fields of schemas, targets of mappings, contracts of those schemas."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ipaas.core.actor import Actor
from ipaas.core.document_types import document_type
from ipaas.governance.fields import fields_of
from ipaas.ownership.glossary import Glossary, TermFacts

MOST_DOCUMENTS = 500


@dataclass(frozen=True, slots=True)
class Use:
    """A document that uses a term; ``places`` are its fields, none of a contract."""

    kind: str
    slug: str
    title: str
    places: tuple[str, ...] = ()


def uses_of_term(actor: Actor, term: TermFacts, workspace_id: UUID) -> list[Use]:
    """The live drafts that an actor may see and that use a term, ``MOST_DOCUMENTS`` of each kind."""
    kinds = [kind for kind in ("schema", "mapping", "contract") if actor.may(f"{document_type(kind).permission}.view")]
    return [one for kind in kinds for one in _uses(term, workspace_id, kind)]


def _uses(term: TermFacts, workspace_id: UUID, kind: str) -> Iterator[Use]:
    schemas = set()
    if kind == "contract":
        schemas = {slug for slug, _, content in _drafts("schema", workspace_id) if _places(term, content)}
    for slug, title, content in _drafts(kind, workspace_id):
        if kind == "contract":
            if _schemas_of(content) & schemas:
                yield Use(kind, slug, title)
        elif places := _places(term, content):
            yield Use(kind, slug, title, places)


def _drafts(kind: str, workspace_id: UUID) -> list[tuple[str, str, Any]]:
    rows = document_type(kind).documents.in_workspace(workspace_id).live().exclude(draft=None).order_by("slug")
    return list(rows.values_list("slug", "title", "draft")[:MOST_DOCUMENTS])


def _places(term: TermFacts, content: Any) -> tuple[str, ...]:
    schema = _schema_of(content)
    return tuple(dict.fromkeys(one.path for one in fields_of(content) if term.means(schema, one.path)))


def _schema_of(content: Any) -> str:
    """The schema whose places a document's fields are: a schema's own, the target of a mapping; "" for none."""
    if not isinstance(content, Mapping):
        return ""
    named = content.get("slug") if content.get("kind") == "schema" else content.get("target_schema")
    return named.partition("@")[0] if isinstance(named, str) else ""


def _schemas_of(content: Any) -> set[str]:
    edges = [content.get(edge) for edge in ("input", "output")] if isinstance(content, Mapping) else []
    named = [edge.get("schema") for edge in edges if isinstance(edge, Mapping)]
    return {one.partition("@")[0] for one in named if isinstance(one, str)}


def terms_in(content: Any, workspace_id: UUID) -> list[tuple[str, TermFacts]]:
    """The fields of a schema or of the target of a mapping that mean a term, by their places in the data."""
    glossary, schema = Glossary.of_workspace(workspace_id), _schema_of(content)
    places = dict.fromkeys(one.path for one in fields_of(content))
    found = ((place, glossary.term_of(schema, place)) for place in places)
    return [(place, term) for place, term in found if term is not None]
