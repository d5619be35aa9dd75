"""References between schemas: a schema with everything that it refers to, as one that stands alone.

A ``$ref`` leaves a document as ``slug``, ``slug@version`` or a name that the document's ``references`` explain, each
with a fragment where a part is meant. In the bundle what is referred to stands under ``$defs/slug@version``, so that
whatever reads a schema follows references inside of one document only.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

from ipaas.contracts.compatibility.nodes import LISTS_OF_SCHEMAS, MAPS_OF_SCHEMAS, SCHEMAS
from ipaas.core import jsonio
from ipaas.core.document_forms import MAX_BYTES, Finding, pointer
from ipaas.core.phrases import said
from ipaas.core.references import split_reference

DIRECT = re.compile(r"[a-z0-9][a-z0-9-]{0,79}(@[1-9][0-9]{0,8})?\Z")
METASCHEMAS = "https://json-schema.org/"
MOST_SCHEMAS, MOST_LEVELS = 100, 10
_ONE = SCHEMAS | {"contentSchema"}
_OF_ITS_OWN = frozenset({"$id", "$schema", "$anchor"})
Json = Any


@dataclass(frozen=True, slots=True)
class Target:
    """A published schema: ``slug@version``, its content as published, and its state."""

    reference: str
    content: Mapping[str, Any]
    state: str = "published"


Load = Callable[[str], Target | None]
"""The published schema of a reference; the newest that is not retired where it names no version."""


@dataclass(slots=True)
class Bundle:
    """A schema that stands alone, what each name in it means (``name: slug@version``), and what is wrong."""

    schema: Json
    pins: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def bundle(content: Mapping[str, Any], load: Load) -> Bundle:
    """The schema of a document (of the right form) with all that it refers to; as it is where it refers to nothing."""
    return _Bundler(content, load).made()


def whole_of(content: Any, load: Load) -> Any:
    """The schema of a document of any form, with what it refers to where that can be followed; None for none."""
    return bundle(plain(content), load).schema


def plain(content: Any) -> dict[str, Any]:
    """What counts for references in a document of any form."""
    given: Mapping[str, Any] = content if isinstance(content, Mapping) else {}
    named = given.get("references")
    safe = {key: one for key, one in named.items() if isinstance(one, str)} if isinstance(named, Mapping) else {}
    return {"slug": given.get("slug"), "schema": given.get("schema"), "references": safe}


def names_in(content: Mapping[str, Any]) -> dict[str, str]:
    """What a document of the right form refers to: each name that leaves it, with the ``slug`` or ``slug@version``."""
    own = _Names(content)
    found = dict(own.named)
    for _place, reference in references_in(content.get("schema")):
        target, _fragment = own.meant(reference)
        if target:
            found[reference.partition("#")[0]] = target
    return found


def slugs_in(content: Any) -> set[str]:
    """The slugs of the schemas that a document of any form refers to."""
    return {one.partition("@")[0] for one in names_in(plain(content)).values()}


def pinned(content: Mapping[str, Any], load: Load) -> dict[str, Any]:
    """The content with each reference at the version it has now, where it names none."""
    own = _Names(content)

    def number(reference: str) -> str:
        target = load(reference)
        return reference if target is None else target.reference

    def change(reference: str) -> str:
        name, mark, fragment = reference.partition("#")
        target, _ = own.meant(reference)
        return reference if not target or own.explained(name) else number(target) + mark + fragment

    settled = {**content, "schema": rewritten(content["schema"], change)}
    if own.named:
        settled["references"] = {name: number(target) for name, target in own.named.items()}
    return settled


# -- the places of a schema ----------------------------------------------------------------------------------------


def parts_of(schema: Json, at: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every schema in a schema, itself among them, with its JSON pointer."""
    if not isinstance(schema, Mapping):
        return
    yield at, schema
    for keyword, value in schema.items():
        place = at + pointer(str(keyword))
        if keyword in _ONE:
            yield from parts_of(value, place)
        elif keyword in MAPS_OF_SCHEMAS and isinstance(value, Mapping):
            for name, part in value.items():
                yield from parts_of(part, place + pointer(str(name)))
        elif keyword in LISTS_OF_SCHEMAS and isinstance(value, list):
            for index, part in enumerate(value):
                yield from parts_of(part, place + pointer(index))


def references_in(schema: Json) -> Iterator[tuple[str, str]]:
    """Every ``$ref`` with its place."""
    for at, part in parts_of(schema):
        if isinstance(part.get("$ref"), str):
            yield f"{at}/$ref", part["$ref"]


def rewritten(schema: Json, change: Callable[[str], str], without: frozenset[str] = frozenset()) -> Json:
    """A copy with every ``$ref`` changed, and ``without`` some keywords."""
    if not isinstance(schema, Mapping):
        return schema
    found: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword in without:
            continue
        if keyword == "$ref" and isinstance(value, str):
            found[keyword] = change(value)
        elif keyword in _ONE:
            found[keyword] = rewritten(value, change, without)
        elif keyword in MAPS_OF_SCHEMAS and isinstance(value, Mapping):
            found[keyword] = {name: rewritten(part, change, without) for name, part in value.items()}
        elif keyword in LISTS_OF_SCHEMAS and isinstance(value, list):
            found[keyword] = [rewritten(part, change, without) for part in value]
        else:
            found[keyword] = value
    return found


# -- what names mean -----------------------------------------------------------------------------------------------


class _Names:
    """What the references of one document mean."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        schema = content.get("schema")
        self.named: Mapping[str, str] = content.get("references") or {}
        self.base = _own_id(schema)
        self.ids = {self.base} - {""}
        for at, part in parts_of(schema):
            if at and _own_id(part):
                self.ids.add(_absolute(self.base, _own_id(part)))

    def meant(self, reference: str) -> tuple[str | None, str]:
        """The document and the fragment: "" for the document itself, None for what nothing is known of."""
        name, _, fragment = reference.partition("#")
        if not name or self.stays(name):
            return "", fragment
        return self.explained(name) or (name if DIRECT.match(name) else None), fragment

    def stays(self, name: str) -> bool:
        """Whether it names the document or a resource inside of it by its ``$id``, or a metaschema."""
        return name.startswith(METASCHEMAS) or any(_absolute(base, name) in self.ids for base in ("", *self.ids))

    def explained(self, name: str) -> str | None:
        """What ``references`` say of a name; both may be written relative to the ``$id`` of the schema."""
        if name in self.named:
            return self.named[name]
        whole = _absolute(self.base, name)
        return next((target for one, target in self.named.items() if _absolute(self.base, one) == whole), None)


def _own_id(schema: Json) -> str:
    own = schema.get("$id") if isinstance(schema, Mapping) else None
    return own.removesuffix("#") if isinstance(own, str) else ""


def _absolute(base: str, name: str) -> str:
    try:
        return urljoin(base, name)
    except ValueError:
        return name


@dataclass(slots=True)
class _Part:
    """A schema that goes into the bundle: what its own references mean, where its anchors are."""

    schema: Json
    names: _Names
    anchors: dict[str, str]
    pins: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "_Part":
        schema = content["schema"]
        anchors = {one["$anchor"]: at for at, one in parts_of(schema) if isinstance(one.get("$anchor"), str)}
        return cls(schema, _Names(content), anchors)

    def obstacle(self) -> str | None:
        """What keeps references from being followed; None for nothing."""
        for at, one in parts_of(self.schema):
            if at and isinstance(one.get("$id"), str):
                return said("{place} has a $id of its own, from which references would count", place=at)
            if "$dynamicRef" in one or "$dynamicAnchor" in one:
                return said("{place} has a dynamic reference, which means something else elsewhere", place=at or "/")
        return None


class _Bundler:
    """Takes up what is referred to, level by level, then writes all of it into one schema."""

    def __init__(self, content: Mapping[str, Any], load: Load) -> None:
        self.content, self.load = content, load
        self.slug = str(content.get("slug", ""))
        self.root = _Part.of(content)
        self.found = Bundle(content["schema"])
        self.parts: dict[str, _Part] = {}

    def made(self) -> Bundle:
        places = dict(self._places())
        waiting = [one for name, place in places.items() for one in self._direct(name, place)]
        for level in range(1, MOST_LEVELS + 2):
            waiting = [deeper for target, way in waiting for deeper in self._enter(target, way, level)]
        if self.parts and not self.found.findings:
            self._join()
        return self.found

    def _places(self) -> Iterator[tuple[str, str]]:
        """Each name that leaves the document, with the first place where it stands."""
        names = self.root.names
        yield from ((name, f"/references{pointer(name)}") for name in names.named)
        for place, reference in reversed(list(references_in(self.root.schema))):
            target, _fragment = names.meant(reference)
            name = reference.partition("#")[0]
            if target is None:
                message = said(
                    "nothing is called {name!r}: write slug or slug@version of a published schema, '#/…' for a part of "
                    "this one, or explain the name under references",
                    name=name[:200],
                )
                self._fault(f"/schema{place}", "schema.reference", message)
            elif target and not names.explained(name):
                yield name, f"/schema{place}"

    def _direct(self, name: str, place: str) -> Iterator[tuple[Target, str]]:
        reference = self.root.names.named.get(name, name)
        target = self.load(reference)
        if target is None or target.state == "retired":
            message = said("there is no published schema {name!r}, or it is retired", name=reference)
            self._fault(place, "schema.unknown", message)
            return
        if target.state == "deprecated":
            message = said("the schema {name!r} is deprecated", name=target.reference)
            self.found.findings.append(Finding(place, "schema.deprecated", message, "warning"))
        if (obstacle := self.root.obstacle()) is not None:
            self._fault(place, "schema.obstacle", said("it can not be referred to here: {why}", why=obstacle))
        self.found.pins[name] = self.root.pins[reference] = target.reference
        yield target, f"{self.slug} → {target.reference}"

    def _enter(self, target: Target, way: str, level: int) -> Iterator[tuple[Target, str]]:
        """Take one schema up; gives those that it refers to."""
        if target.reference in self.parts or any(one.severity == "error" for one in self.found.findings):
            return
        part = self.parts[target.reference] = _Part.of(target.content)
        if split_reference(target.reference)[0] == self.slug:
            self._fault("/schema", "schema.circle", said("schemas go in a circle: {way}", way=way))
        elif level > MOST_LEVELS or len(self.parts) > MOST_SCHEMAS:
            message = said(
                "references lead to at most {schemas} schemas, {levels} deep: {way}",
                schemas=MOST_SCHEMAS,
                levels=MOST_LEVELS,
                way=way,
            )
            self._fault("/schema", "schema.too_many", message)
        elif (obstacle := part.obstacle()) is not None:
            message = said("{name} can not be referred to: {why}", name=target.reference, why=obstacle)
            self._fault("/schema", "schema.obstacle", message)
        for wanted in dict.fromkeys(names_in(target.content).values()):
            inner = self.load(wanted)
            if inner is None:
                message = said("there is no published schema {name!r} ({way})", name=wanted, way=way)
                self._fault("/schema", "schema.unknown", message)
                continue
            part.pins[wanted] = inner.reference
            yield inner, f"{way} → {inner.reference}"

    def _join(self) -> None:
        own = self.root.schema.get("$defs")
        if taken := sorted(set(own if isinstance(own, Mapping) else ()) & set(self.parts)):
            message = said("the name is taken by the schema that is referred to")
            self._fault(f"/schema/$defs{pointer(taken[0])}", "schema.reference", message)
            return
        parts = {name: self._written(name, part) for name, part in sorted(self.parts.items())}
        whole = self._written("", self.root)
        whole["$defs"] = {**whole.get("$defs", {}), **parts}
        if len(jsonio.dumps(whole)) > MAX_BYTES:
            message = said("with all that it refers to it has more than {most} bytes", most=MAX_BYTES)
            self._fault("/schema", "schema.too_large", message)
            return
        self.found.schema = whole

    def _written(self, name: str, part: _Part) -> Json:
        """A part as it stands in the bundle; the root keeps its place, its names and its own references."""

        def change(reference: str) -> str:
            target, fragment = part.names.meant(reference)
            if not target and (not name or reference.startswith(METASCHEMAS)):
                return reference
            meant = part.pins[target] if target else name
            anchors = self.parts[meant].anchors
            return f"#/$defs/{meant}{anchors.get(fragment, fragment)}"

        return rewritten(part.schema, change, _OF_ITS_OWN if name else frozenset())

    def _fault(self, place: str, code: str, message: str) -> None:
        self.found.findings.append(Finding(place, code, message))
