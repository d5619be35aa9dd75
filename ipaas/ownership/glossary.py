"""The glossary: the document form of a term, and which term a name of a field means."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from uuid import UUID

import jsonschema_rs

from ipaas.core.document_forms import Finding, pointer, schema_findings
from ipaas.core.document_types import DocumentType
from ipaas.core.phrases import said
from ipaas.core.words import singular_words
from ipaas.ownership.models import Term, TermVersion
from ipaas.ownership.naming import domain_findings

KIND = "term"
Words = tuple[str, ...]


@cache
def form_of(kind: str) -> dict[str, Any]:
    """The JSON Schema of the documents of a kind of this package."""
    found: dict[str, Any] = json.loads(files("ipaas.ownership").joinpath(f"{kind}.schema.json").read_text("utf-8"))
    return found


@cache
def form_validator(kind: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(form_of(kind))


def validate(content: dict[str, Any], workspace_id: UUID | None = None) -> list[Finding]:
    """Everything that is wrong or doubtful with a term; other terms of the same name where a workspace is given."""
    found = schema_findings(form_validator(KIND), content)
    if found:
        return found
    found = domain_findings(content, workspace_id)
    own = named(content)
    for index, word in enumerate(content.get("avoid", ())):
        if singular_words(word) in own:
            message = said("{word!r} is a name of the term itself", word=word)
            found.append(Finding(pointer("avoid", index), "term.avoided_name", message))
    if workspace_id is not None:
        found += _twice(content, own, workspace_id)
    return found


def _twice(content: Mapping[str, Any], own: Mapping[Words, str], workspace_id: UUID) -> Iterable[Finding]:
    glossary = Glossary.of_workspace(workspace_id)
    for words, word in own.items():
        for other in glossary.by_words.get(words, ()):
            if other.slug != content["slug"]:
                message = said("{word!r} is a name of the term {other}, too", word=word, other=other.slug)
                yield Finding("", "term.name_twice", message, "warning")


def named(content: Mapping[str, Any]) -> dict[Words, str]:
    """The names of a term by their words: title, slug and synonyms."""
    names = [content.get("slug"), content.get("title"), *(content.get("synonyms") or ())]
    return {singular_words(name): name for name in names if isinstance(name, str) and singular_words(name)}


TERM_TYPE = DocumentType(kind=KIND, permission="terms", document=Term, version=TermVersion, validate=validate, rank=5)


@dataclass(frozen=True, slots=True)
class TermFacts:
    """A term as far as it helps others."""

    slug: str
    title: str
    definition: str
    names: Mapping[Words, str]
    avoid: Mapping[Words, str]
    links: frozenset[tuple[str, str]]
    """Schema and place in the data."""

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "TermFacts":
        return cls(
            content["slug"],
            content["title"],
            content["definition"],
            named(content),
            {singular_words(word): word for word in content.get("avoid", ())},
            frozenset((one["schema"], one["path"]) for one in content.get("fields", ())),
        )

    def means(self, schema: str, path: str) -> bool:
        """Whether a field of a schema ("" for data without one) holds it: by link, name, or name with its holder's."""
        if (schema, path) in self.links:
            return True
        return any(words in self.names for words in words_of_place(path))


def words_of_place(path: str) -> tuple[Words, ...]:
    """What a place is called: ``order.lines[].sku`` → ``sku``, and ``line sku``."""
    parts = path.replace("[]", "").split(".")
    last = singular_words(parts[-1])
    return (last, singular_words(parts[-2]) + last) if len(parts) > 1 else (last,)


class Glossary:
    """The published terms of a workspace, read by one query."""

    def __init__(self, terms: Iterable[TermFacts]) -> None:
        self.terms = tuple(terms)
        self.by_words: dict[Words, list[TermFacts]] = {}
        self.by_link: dict[tuple[str, str], TermFacts] = {}
        self.avoided: dict[Words, TermFacts] = {}
        for term in self.terms:
            for words in term.names:
                self.by_words.setdefault(words, []).append(term)
            for link in term.links:
                self.by_link.setdefault(link, term)
            for words in term.avoid:
                self.avoided.setdefault(words, term)

    @classmethod
    def of_workspace(cls, workspace_id: UUID) -> "Glossary":
        rows = TermVersion.objects.in_force(workspace_id).order_by("document__slug").values_list("content", flat=True)
        return cls(map(TermFacts.of, rows))

    def term_of(self, schema: str, path: str) -> TermFacts | None:
        """The term that a field means; a link goes before names, the longer name before the shorter."""
        linked = self.by_link.get((schema, path))
        if linked is not None:
            return linked
        return next(
            (self.by_words[words][0] for words in reversed(words_of_place(path)) if words in self.by_words), None
        )

    def others(self, term: str) -> list[str]:
        """The other words for a word or term."""
        return [name for found in self.by_words.get(singular_words(term), ()) for name in found.names.values()]


def synonyms(workspace_id: UUID) -> Callable[[str], Iterable[str]]:
    """What gives the other words for a word, read once; lent to the mapping editor as ``glossary.synonyms``."""
    return Glossary.of_workspace(workspace_id).others
