"""The board of the mapping editor: what can be read, what is to be made and how, and what comes out, as plain data."""

import copy
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from ipaas.core import jsonio
from ipaas.core.document_forms import Finding, pointer
from ipaas.core.errors import IpaasError
from ipaas.core.phrases import in_words
from ipaas.expressions import ExpressionError
from ipaas.mapping import engine
from ipaas.mapping.document import validate
from ipaas.mapping.engine import CompiledMapping, Explained, MappingFailed
from ipaas.mapping.nodes import DEFAULT_ELEMENT
from ipaas.mapping.outline import Row, general, outline
from ipaas.mapping.places import Place, joined, together, value_places
from ipaas.web.pages.corrections import pretty
from ipaas.web.pages.mapping_library import Terms

MOST_OF_A_VALUE = 80
MOST_READS = 20
MOST_LEAVES = 2_000
_HOLDERS = ("object", "list", "unmapped")
WITHIN_S = 2.0
NAMED = ("lookups", "functions")
Json = Any
Board = dict[str, Any]
Breach = tuple[Finding, str]


@dataclass(frozen=True)
class Sample:
    """Data to try a mapping upon: every name of its scope, or why it can not be read."""

    label: str
    scope: Mapping[str, Any] | None
    problem: str = ""


@dataclass(frozen=True)
class Given:
    """What a board is made of. ``base`` is the pointer of what holds ``fields``: a step of a flow, or the document."""

    content: Mapping[str, Any]
    samples: Sequence[Sample]
    source: Sequence[Place] = ()
    target: Sequence[Place] = ()
    base: tuple[str | int, ...] = ()
    roots: Sequence[str] = ("source",)
    resolve: Any = None
    findings: Sequence[Finding] | None = field(default=None)
    breaches: Sequence[Breach] = ()
    """What breaks conventions, each with the name to write instead, or ""."""
    terms: Terms | None = None


def board_of(given: Given) -> Board:
    """Target, source and results for a content of any form: what is unfinished takes nothing else along."""
    content = given.content
    rows = outline(content.get("fields"), (*given.base, "fields"))
    found = list(validate(dict(content)) if given.findings is None else given.findings)
    by_row, others = _placed([*((one, "") for one in found), *given.breaches], rows, given.base)
    target = _target(given, rows, by_row)
    source = _source(given, rows)
    compiled = _compiled(content, found, given)
    return {
        "target": target,
        "source": source,
        "terms": _terms(given, source, target),
        "samples": [_result(sample, compiled, rows) for sample in given.samples],
        "counts": _counts(target),
        "findings": [_finding(*one) for one in others],
        "named": {key: content[key] for key in NAMED if isinstance(content.get(key), dict)},
    }


def _terms(given: Given, source: Sequence[Board], target: Sequence[Board]) -> Board:
    """The terms of the glossary that places mean; each place gets the slug of its own."""
    if given.terms is None:
        return {}
    found = {}
    for key, places in (("source_schema", source), ("target_schema", target)):
        start = "source." if key == "source_schema" else ""
        named = {one["path"].removeprefix(start): one for one in places}
        for path, term in given.terms.of(given.content.get(key), named).items():
            named[path]["term"] = term.slug
            found[term.slug] = term
    return given.terms.shown(found.values())


def _finding(found: Finding, fix: str) -> Board:
    return {"severity": found.severity, "message": in_words(found.message), **({"fix": fix} if fix else {})}


# -- the target


def _target(given: Given, rows: Sequence[Row], by_row: Mapping[str, list[Breach]]) -> list[Board]:
    made = {row.path: row for row in rows}
    described = {place.path: place for place in given.target}
    places = together(given.target, _row_places(rows))
    steps: dict[str, list[str]] = {"": []}
    names: dict[str, Mapping[str, str]] = {"": {}}
    whole: set[str] = set()
    found = []
    for place in places:
        holder = steps.get(place.holder, [])
        inside = [*holder, "[]"] if place.path.startswith(f"{place.holder}[]") and place.holder else holder
        steps[place.path] = [*inside, place.name] if place.name != "[]" else inside
        row = made.get(place.path)
        covered = place.holder in whole
        if covered or (row is not None and row.kind not in ("object", "list")):
            whole.add(place.path)
        names[place.path] = _inner_names(row, names.get(place.holder, {}))
        known = described.get(place.path)
        found.append(
            {
                "path": place.path,
                "name": place.name,
                "depth": place.depth,
                "type": known.type if known else "",
                "doc": known.doc if known else "",
                "required": bool(known and known.required),
                "sensitive": known.sensitive if known else "",
                "extra": known is None and bool(described),
                "kind": row.kind if row else "covered" if covered else "unmapped",
                "steps": steps[place.path],
                "names": row.names if row else names.get(place.holder, {}),
                **(_form(row, by_row, named=known is not None) if row else {}),
            }
        )
    return found


def _inner_names(row: Row | None, names: Mapping[str, str]) -> Mapping[str, str]:
    """What the expressions inside of a field may say for elements of lists."""
    if row is None or row.kind != "list":
        return row.names if row else names
    return {**row.names, str(row.form.get("as", DEFAULT_ELEMENT)): f"{row.reads[0]}[]" if row.reads else ""}


def _row_places(rows: Sequence[Row]) -> Iterator[Place]:
    holders = [""]
    for row in rows:
        del holders[row.depth + 1 :]
        yield Place(row.path, row.name, row.depth, holder=holders[-1])
        holders.append(row.path)


def _form(row: Row, by_row: Mapping[str, list[Breach]], *, named: bool) -> Board:
    """``named``: the schema of the target gives the field its name, so that no other can be written here."""
    return {
        "pointer": row.pointer,
        "form": row.form,
        "reads": row.reads,
        "findings": [_finding(found, "" if named else fix) for found, fix in by_row.get(row.path, ())],
    }


def _placed(
    found: Sequence[Breach], rows: Sequence[Row], base: tuple[str | int, ...]
) -> tuple[dict[str, list[Breach]], list[Breach]]:
    """Findings by the row that they speak of, and those that speak of none."""
    start = len(pointer(*base))
    places = sorted(((pointer(*row.pointer)[start:], row.path) for row in rows), key=lambda pair: -len(pair[0]))
    by_row: dict[str, list[Breach]] = {}
    others = []
    for one in found:
        at = next((path for place, path in places if f"{one[0].path}/".startswith(f"{place}/")), None)
        if at is None:
            others.append(one)
        else:
            by_row.setdefault(at, []).append(one)
    return by_row, others


def _counts(target: Sequence[Board]) -> Board:
    """Leaves only: an object is as mapped as what is inside of it."""
    holders = {tuple(one["steps"][:-1]) for one in target} | {tuple(one["steps"][:-2]) for one in target}
    leaves = [one for one in target if tuple(one["steps"]) not in holders or one["kind"] not in _HOLDERS]
    kinds = Counter("unmapped" if one["kind"] == "unmapped" else "mapped" for one in leaves)
    needed = sum(1 for one in target if one["kind"] == "unmapped" and one["required"])
    faults = sum(1 for one in target for fault in one.get("findings", ()) if fault["severity"] == "error")
    return {"mapped": kinds["mapped"], "unmapped": kinds["unmapped"], "required": needed, "faults": faults}


# -- the source


def _source(given: Given, rows: Sequence[Row]) -> list[Board]:
    scopes = [sample.scope or {} for sample in given.samples]
    values: list[dict[str, Json]] = []
    places = list(given.source)
    for scope in scopes:
        seen = [place for root in given.roots if root in scope for place in value_places(scope[root], root)]
        typed = {place.path for place in places if place.type}
        if any(place.path not in typed for place in seen):
            places = together(places, seen)
        values.append({place.path: place.value for place in seen})
    readers = _readers(rows)
    return [
        {
            "path": place.path,
            "name": place.name,
            "depth": place.depth,
            "type": place.type,
            "doc": place.doc,
            "required": place.required,
            "sensitive": place.sensitive,
            "values": [short(found[place.path]) if place.path in found else None for found in values],
            "readers": readers.get(place.path, ()),
        }
        for place in places
    ]


def _readers(rows: Sequence[Row]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        for place in row.reads:
            found.setdefault(place, []).append(row.path)
    return found


# -- results


@lru_cache(maxsize=64)
def _compile(fields: bytes, slug: str) -> CompiledMapping:
    return engine.compile_to_explain({"slug": slug, "fields": jsonio.loads(fields)})


def _compiled(content: Mapping[str, Any], found: Sequence[Finding], given: Given) -> CompiledMapping | None:
    """The mapping without the fields that are at fault; None where nothing is left."""
    if not isinstance(content.get("fields"), Mapping):
        return _whole(content, found, given)
    faults = [one.path for one in found if one.severity == "error"]
    if any(one.startswith(("/lookups", "/functions")) for one in faults):
        return None
    broken = [one for one in faults if one.startswith("/fields/")]
    fields = _without(content["fields"], broken) if broken else content["fields"]
    try:
        if given.resolve is None:
            return _compile(jsonio.dumps(fields), str(content.get("slug", "")))
        return engine.compile_to_explain({**content, "fields": fields}, resolve=given.resolve)
    except (IpaasError, LookupError, TypeError, ValueError):
        return None


def _whole(content: Mapping[str, Any], found: Sequence[Finding], given: Given) -> CompiledMapping | None:
    """A mapping by one JSONata expression or text template."""
    if any(one.severity == "error" for one in found) or not {"jsonata", "template"} & content.keys():
        return None
    try:
        return engine.compile(content, resolve=given.resolve)
    except (IpaasError, LookupError, TypeError, ValueError):
        return None


def _without(fields: Mapping[str, Any], broken: Sequence[str]) -> dict[str, Any]:
    """The fields without the smallest whole ones that hold what is broken."""
    kept: dict[str, Any] = copy.deepcopy(dict(fields))
    rows = {pointer(*row.pointer): row for row in outline(kept)}
    gone = set()
    for path in broken:
        at = path
        while at and (at not in rows or rows[at].name == "[]"):
            at = at.rpartition("/")[0]
        gone.add(at)
    for at in sorted(gone, key=len, reverse=True):
        if at:
            _drop(kept, rows[at].pointer[1:])
    return kept


def _drop(tree: Any, steps: Sequence[str | int]) -> None:
    """Take a key away, and what would be left empty around it."""
    node = tree
    for step in steps[:-1]:
        node = node.get(step) if isinstance(node, dict) else None
    if isinstance(node, dict):
        node.pop(steps[-1], None)
        if not node and len(steps) > 1:
            _drop(tree, steps[: -2 if steps[-2] == "fields" else -1])


def _result(sample: Sample, compiled: CompiledMapping | None, rows: Sequence[Row]) -> Board:
    if sample.scope is None or compiled is None:
        return {"label": sample.label, "problem": sample.problem, "failed": 0, "cells": {}, "text": None, "leaves": []}
    found: Explained = compiled.explain(sample.scope.get("source"), sample.scope, within_s=WITHIN_S, timed=False)
    cells: dict[str, Board] = {}
    failed = 0
    for trace in found.fields:
        place = general(trace.path)
        cell = cells.get(place)
        failed += trace.error is not None
        if cell is not None and not (trace.error is not None and "error" not in cell):
            cell["more"] = cell.get("more", 0) + 1
            continue
        more = {"more": cell.get("more", 0) + 1} if cell else {}
        cells[place] = {
            **({"value": short(trace.value)} if trace.error is None else {"error": told(trace.error)}),
            **({"branch": trace.branch} if trace.branch else {}),
            "reads": trace.reads[:MOST_READS],
            **more,
        }
    target = found.target
    text = target if isinstance(target, str) else pretty(target)
    made = [] if target in ({}, None) else list(islice(leaves(target, ""), MOST_LEAVES))
    return {"label": sample.label, "problem": "", "failed": failed, "cells": cells, "text": text, "leaves": made}


def leaves(value: Json, path: str) -> Iterator[tuple[str, str]]:
    """The places of a value with what stands there, numbers in all their digits; browsers would round them."""
    if isinstance(value, Mapping) and value:
        for name, part in value.items():
            yield from leaves(part, joined(path, str(name)))
    elif isinstance(value, list | tuple) and value:
        for number, part in enumerate(value):
            yield from leaves(part, f"{path}[{number}]")
    else:
        yield path, "[]" if value == [] else "{}" if value == {} else short(value)


def told(failure: IpaasError) -> str:
    """A failure in words for those who write the field."""
    if isinstance(failure, MappingFailed) and failure.params.get("reason"):
        return in_words(str(failure.params["reason"]))
    return in_words(failure.detail)


def short(value: Json) -> str:
    """A value on one line, as JSON; the size of lists and objects."""
    if isinstance(value, list | tuple):
        return f"[{len(value)}]"
    if isinstance(value, Mapping):
        return f"{{{len(value)}}}"
    try:
        text = jsonio.dumps(value).decode()
    except (TypeError, ValueError):
        return "?"
    return text if len(text) <= MOST_OF_A_VALUE else f"{text[:MOST_OF_A_VALUE]}…"


def problem_of(error: Exception) -> str:
    """Why a sample can not be used."""
    return in_words(error.detail) if isinstance(error, IpaasError | ExpressionError) else _("it can not be read")
