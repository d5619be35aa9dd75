"""Documents as YAML files: keys in the order of the document's schema, texts as people write them, stable bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ipaas.core import yamlio
from ipaas.core.documents import DocumentVersion, VersionedDocument
from ipaas.flows.form import KINDS
from ipaas.flows.inline import written_out
from ipaas.flows.models import FlowVersion

HEAD = ("kind", "slug", "id", "title", "description", "domain", "owner", "tags")
FLOW = ("trigger", "contract", "input", "business_ids", "primary_business_id", "amount", "deadline", "failure")
MAPPING = ("output", "lookups", "functions", "key", "returns", "columns", "match")
CONTRACT = (
    "steward",
    "contact",
    "mode",
    "modes",
    "errors",
    "idempotency",
    "ordering",
    "service_level",
    "change_policy",
)
TERM = ("definition", "synonyms", "avoid", "sensitivity")
CONVENTION = ("reason", "severity", "kinds", "domains", "rule")
FUNCTION = ("parameters", "expr")
OTHERS = (
    "source_schema",
    "target_schema",
    "scope",
    "loop_names",
    "schema",
    "references",
    *TERM,
    *CONVENTION,
    *FUNCTION,
    *MAPPING,
    *CONTRACT,
    "producers",
    "consumers",
    "examples",
)
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
    """``flows/order-to-shipment.yaml``, ``event-types/order-shipped.yaml``."""
    return f"{kind.replace('_', '-')}s/{slug}.yaml"


@dataclass(frozen=True, slots=True)
class Written:
    """A document as people wrote it: parts of its own inline, and the very text, its comments included."""

    content: dict[str, Any]
    text: str


def written(row: VersionedDocument | DocumentVersion) -> Written:
    """A draft or a version; without a source, its text has the keys in the order of the document's schema."""
    if isinstance(row, VersionedDocument):
        content, text = row.draft or {}, row.draft_text
    else:
        content, text = row.content, row.text
    if isinstance(row, FlowVersion):
        content = written_out(content, row.workspace_id)
    return Written(content, text or to_yaml(content))
