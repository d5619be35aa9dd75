"""What the mapping editor knows of a workspace: lookups and functions that a mapping may name, terms of its fields."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.db.models import F
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Left
from django.urls import reverse

from ipaas.accounts.pages import WorkspaceRequest
from ipaas.core.references import reference_to
from ipaas.mapping.library import signature_of
from ipaas.mapping.models import FunctionVersion, LookupVersion
from ipaas.ownership.glossary import Glossary, TermFacts

MOST = 100
MOST_OF_A_HEADER = 8_000
Entry = dict[str, Any]


def library_for(request: WorkspaceRequest) -> list[Entry]:
    """The newest versions that ``lookups`` and ``functions`` may name, as completion, help and forms show them."""
    may = request.actor.may
    return [
        *(_lookups(request) if may("lookups.view") else ()),
        *(_functions(request) if may("functions.view") else ()),
    ]


def _newest(request: WorkspaceRequest, model: Any, *facts: Any) -> Iterator[tuple[Entry, list[Any]]]:
    """The entries, and of each content the facts that are asked for: the rows of lookups are never read."""
    rows = model.objects.in_workspace(request.workspace.id).filter(
        number=F("document__latest_version"), document__archived=False, state=model.State.PUBLISHED
    )
    told = ("document__slug", "number", "content__title", "content__description")
    for slug, number, title, doc, *found in rows.order_by("document__slug").values_list(*told, *facts)[:MOST]:
        name = slug.replace("-", "_")
        yield (
            {"name": name, "reference": reference_to(slug, number), "doc": " ".join(filter(None, (title, doc)))},
            found,
        )


def _lookups(request: WorkspaceRequest) -> Iterator[Entry]:
    header = Left(KeyTextTransform("csv", "content"), MOST_OF_A_HEADER)
    for entry, (key, returns, start) in _newest(request, LookupVersion, "content__key", "content__returns", header):
        keys = key if isinstance(key, list) else [key]
        columns = next(csv.reader((start or "").splitlines()), []) if not returns else []
        answer = returns or f"{{{', '.join(columns)}}}"
        yield {**entry, "kind": "lookup", "keys": keys, "columns": columns, "told": f"{', '.join(keys)} → {answer}"}


def _functions(request: WorkspaceRequest) -> Iterator[Entry]:
    for entry, (given,) in _newest(request, FunctionVersion, "content__parameters"):
        parameters = given or []
        docs = [f"{one['name']}: {one['description']}" for one in parameters if one.get("description")]
        doc = "\n".join((entry["doc"], *docs))
        yield {**entry, "kind": "function", "doc": doc, "told": signature_of(entry["name"], parameters)}


class Terms:
    """The terms that fields of schemas mean, for the trees of one board; nobody sees a term who may not."""

    def __init__(self, request: WorkspaceRequest) -> None:
        self._glossary = (
            Glossary.of_workspace(request.workspace.id) if request.actor.may("terms.view") else Glossary(())
        )
        self._place = request.workspace.slug

    def of(self, reference: Any, paths: Iterable[str]) -> Mapping[str, TermFacts]:
        """The terms by the places of a schema that have one."""
        if not self._glossary.terms:
            return {}
        schema = reference.partition("@")[0] if isinstance(reference, str) else ""
        found = ((path, self._glossary.term_of(schema, path)) for path in paths)
        return {path: term for path, term in found if term is not None}

    def shown(self, terms: Iterable[TermFacts]) -> dict[str, Entry]:
        """What is told of terms, by their slugs."""
        return {
            term.slug: {
                "title": term.title,
                "text": term.definition,
                "url": reverse("ownership:term_detail", args=[self._place, term.slug]),
            }
            for term in terms
        }
