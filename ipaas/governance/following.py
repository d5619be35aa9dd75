"""Deployments that use a document: which of them are to run its next version too.

A run is pinned to its flow's version, and that to versions of all it refers to: nothing that runs changes by itself.
So a new version of a mapping or a schema reaches a flow by a version of the flow that differs in nothing but that
reference, made and deployed in the deed that publishes it. What an author wrote as ``slug`` follows; what was written
as ``slug@3`` stays.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ipaas.accounts.models import production_among
from ipaas.core.document_forms import read_document
from ipaas.core.document_types import document_type_of
from ipaas.core.documents import VersionedDocument
from ipaas.core.errors import InvalidInput
from ipaas.core.references import reference_to
from ipaas.flows.models import Deployment, FlowVersion

Places = frozenset[tuple[str, str]]
PLACES: Mapping[str, Places] = {
    "mapping": frozenset({("map", "mapping")}),
    "contract": frozenset({("", "contract")}),
    "schema": frozenset({("validate", "schema"), ("input", "schema")}),
}
"""Where a flow refers to a document of each kind: the key, and the key around it."""
DATA = frozenset({"with", "data", "evidence", "value", "business_ids"})
_REFERENCE = re.compile(r"([a-z0-9][a-z0-9-]*)(?:@([1-9][0-9]{0,8}))?\Z")


@dataclass(frozen=True, slots=True)
class Use:
    """A deployment whose version pins ``numbers`` of the document; ``fixed``: its author wrote the number down.

    ``suggested``: it follows, runs the version that the change was made upon, and no earlier environment runs the flow
    first: production sees a new version by promotion where there is a place to see it before.
    """

    deployment: Deployment
    numbers: tuple[int, ...]
    fixed: bool
    suggested: bool


def uses_of(document: VersionedDocument, *, base: int) -> list[Use]:
    """Active deployments that pin a version of the document, by flow and environment."""
    places = PLACES.get(document_type_of(document).kind)
    owner: str = getattr(document, "derived_from", "")
    if places is None or owner:
        return []
    rows = Deployment.objects.filter(flow__workspace_id=document.workspace_id, active=True, flow__archived=False)
    rows = rows.select_related("flow", "environment__workspace", "version__document").order_by(
        "flow__slug", "environment__position"
    )
    found = [(row, numbers_in(row.version.content, document.slug, places)) for row in rows]
    using = [(row, numbers) for row, numbers in found if numbers]
    return [_use(row, numbers, document, places, base, [one for one, _ in using]) for row, numbers in using]


def _use(
    row: Deployment,
    numbers: tuple[int, ...],
    document: VersionedDocument,
    used_at: Places,
    base: int,
    using: list[Deployment],
) -> Use:
    fixed = _is_fixed(row.version, document.slug, used_at)
    places = list(row.environment.workspace.environments.all())
    production = production_among(places)
    elsewhere = any(one.flow_id == row.flow_id and one.id != row.id for one in using)
    first = production is None or row.environment_id != production.id or not elsewhere
    return Use(row, numbers, fixed, not fixed and numbers == (base,) and first)


def repinned(content: dict[str, Any], document: VersionedDocument, kind: str, number: int) -> dict[str, Any]:
    """A settled content with every reference to the document at this number."""

    def change(reference: str) -> str:
        found = _REFERENCE.match(reference)
        return reference_to(document.slug, number) if found and found[1] == document.slug else reference

    changed: dict[str, Any] = _mapped(content, PLACES[kind], change)
    return changed


def numbers_in(content: Any, slug: str, places: Places) -> tuple[int, ...]:
    """The versions of a document that a flow names by number."""
    found: set[int] = set()

    def note(reference: str) -> str:
        match = _REFERENCE.match(reference)
        if match and match[1] == slug and match[2]:
            found.add(int(match[2]))
        return reference

    _mapped(content, places, note)
    return tuple(sorted(found))


def references_in(content: Any) -> Iterator[tuple[str, str, int]]:
    """Kind, slug and number of everything that a settled flow pins."""
    for kind, places in PLACES.items():
        found: list[str] = []

        def note(reference: str, found: list[str] = found) -> str:
            found.append(reference)
            return reference

        _mapped(content, places, note)
        matches = (_REFERENCE.match(reference) for reference in found)
        yield from ((kind, one[1], int(one[2])) for one in matches if one and one[2])


def _is_fixed(version: FlowVersion, slug: str, places: Places) -> bool:
    """Whether the author named a number, in the text of the version, else in the draft as it is now."""
    content = version.document.draft
    if version.text:
        try:
            content = read_document(text=version.text).content
        except InvalidInput:
            return True
    return bool(numbers_in(content, slug, places))


def _mapped(value: Any, places: Places, change: Callable[[str], str], around: str = "") -> Any:
    if isinstance(value, Mapping):
        return {
            key: change(item)
            if (around, key) in places and isinstance(item, str)
            else item
            if key in DATA
            else _mapped(item, places, change, key)
            for key, item in value.items()
        }
    return [_mapped(one, places, change, around) for one in value] if isinstance(value, list) else value
