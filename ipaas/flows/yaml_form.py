"""Documents as YAML files: keys in the order of the document's schema, texts as people write them, stable bytes."""

from collections.abc import Iterable, Mapping
from typing import Any

from ipaas.core import yamlio
from ipaas.core.document_types import DocumentType, document_type
from ipaas.core.documents import VersionedDocument
from ipaas.flows.form import KINDS

HEAD = ("kind", "slug", "id", "title", "description", "owner")
FLOW = ("trigger", "input", "business_ids", "primary_business_id", "deadline", "failure")
OTHERS = ("source_schema", "target_schema", "scope", "loop_names", "schema", "examples")
PLACES = ("connection", "action", "endpoint", "events", "type", "items", "as", "concurrency", "max_items", "mapping")
BLOCKS = ("when", "disabled", *KINDS, "else", "idempotency_key", "policy", "compensate", "classes", "steps", "then")
RANK = {key: number for number, key in enumerate((*HEAD, *FLOW, *OTHERS, *PLACES, *BLOCKS, "with", "on_failure"))}
FREE = frozenset({"schema", "fields", "with", "data", "examples", "evidence", "value", "business_ids"})


def to_yaml(content: Mapping[str, Any]) -> str:
    """A document's YAML; reading it back gives the same content, writing that the same bytes."""
    return yamlio.dump(_ordered(content, RANK))


def _ordered(value: Any, rank: Mapping[str, int]) -> Any:
    """Known keys by rank, others after them by name: the order in which a database keeps them does not matter."""
    if isinstance(value, Mapping):
        keys = sorted(value, key=lambda key: (rank.get(key, len(RANK)), key))
        return {key: _ordered(value[key], {} if key in FREE else rank) for key in keys}
    if isinstance(value, list):
        return [_ordered(item, rank) for item in value]
    return value


def file_name(kind: str, slug: str) -> str:
    """``flows/order-to-shipment.yaml``."""
    return f"{kind}s/{slug}.yaml"


def exported(kinds: Iterable[DocumentType], workspace_id: Any) -> Iterable[tuple[str, str]]:
    """File name and YAML of every live document that has a draft, in a stable order; parts of others are left out."""
    for kind in kinds:
        for document in kind.documents.in_workspace(workspace_id).live().order_by("slug"):
            if document.draft is not None:
                yield file_name(kind.kind, document.slug), to_yaml(document.draft)


def export_document(document: VersionedDocument, kind: str, number: int | None = None) -> str:
    """The YAML of a version, of the draft without a number."""
    if number is None:
        return to_yaml(document.draft or {})
    version = document_type(kind).versions.get(document_id=document.id, number=number)
    return to_yaml(version.content)
