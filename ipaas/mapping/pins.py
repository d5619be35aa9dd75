"""Which mappings and functions name a lookup or a function, and at which version."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F, Prefetch

from ipaas.core.documents import DocumentVersion, VersionedDocument
from ipaas.core.references import reference_to, split_reference
from ipaas.mapping.models import Function, FunctionVersion, MappingVersion
from ipaas.mapping.models import Mapping as MappingRow

KEYS: Mapping[str, str] = {"lookup": "lookups", "function": "functions"}
"""Kind of document → the key under which others name documents of it."""
USERS: Mapping[str, tuple[Any, Any]] = {
    "function": (Function, FunctionVersion),
    "mapping": (MappingRow, MappingVersion),
}
"""The kinds that name them, with what their documents and versions are."""


@dataclass(frozen=True, slots=True)
class Pin:
    """A live document that names another one.

    ``numbers``: the versions that its newest version pins, none where only its draft names it. ``fixed``: the numbers
    that its draft says, by name, so that publishing it again brings no newer ones.
    """

    kind: str
    document: VersionedDocument
    newest: DocumentVersion | None
    numbers: tuple[int, ...]
    fixed: Mapping[str, int]

    @property
    def label(self) -> str:
        return f"{self.kind} {self.document.slug}"

    def is_behind(self, number: int) -> bool:
        """Whether it has a version in force that pins another version than this one."""
        return bool(self.numbers) and self.numbers != (number,)


def pins_of(workspace_id: UUID, kind: str, slug: str) -> list[Pin]:
    """The live mappings and functions whose draft or newest version names a lookup or a function."""
    key, found = KEYS[kind], []
    for user, (documents, versions) in USERS.items():
        newest = Prefetch("versions", to_attr="newest", queryset=versions.objects.filter(number=_latest()))
        rows = documents.objects.in_workspace(workspace_id).live().order_by("slug")
        for document in rows.prefetch_related(newest):
            version = document.newest[0] if document.newest else None
            pinned = references_in(version.content if version else {}, key, slug)
            written = references_in(document.draft or {}, key, slug)
            if pinned or written:
                numbers = {number for number in pinned.values() if number}
                fixed = {name: number for name, number in written.items() if number}
                found.append(Pin(user, document, version, tuple(sorted(numbers)), fixed))
    return found


def holders(kind: str) -> Callable[[VersionedDocument, int | None], list[str]]:
    """Labels of those whose newest version pins a version (None: any), or whose draft names it by its number."""

    def held_by(document: VersionedDocument, number: int | None) -> list[str]:
        pins = pins_of(document.workspace_id, kind, document.slug)
        return [one.label for one in pins if number is None or number in one.numbers or number in one.fixed.values()]

    return held_by


def _latest() -> F:
    return F("document__latest_version")


def references_in(content: Mapping[str, Any], key: str, slug: str) -> dict[str, int | None]:
    """Name → number (None where none is written) for each reference to a document; a draft may be of any form."""
    named = content.get(key)
    if not isinstance(named, dict):
        return {}
    found = {name: str(one).partition("@") for name, one in named.items()}
    return {name: int(number) if number.isdigit() else None for name, (one, _, number) in found.items() if one == slug}


def reaches(workspace_id: UUID, content: Mapping[str, Any], kind: str, slug: str, number: int) -> bool:
    """Whether a published content comes to a version, itself or by the functions that it calls."""
    wanted = reference_to(slug, number)
    pending, seen = [content], set()
    while pending:
        one = pending.pop()
        if wanted in one.get(KEYS[kind], {}).values():
            return True
        fresh = [name for name in one.get("functions", {}).values() if name not in seen]
        seen.update(fresh)
        pending += _functions(workspace_id, fresh)
    return False


def _functions(workspace_id: UUID, references: list[str]) -> Iterator[Mapping[str, Any]]:
    for one in references:
        version = FunctionVersion.objects.of(workspace_id, *split_reference(one))
        if version is not None:
            yield version.content
