"""A schema to compare: places in it, what its references point at, and which places are the same on both sides."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any
from urllib.parse import quote, unquote

import jsonschema_rs

from ipaas.core.document_forms import pointer

Json = Any
ANNOTATIONS = frozenset({
    "$schema", "$id", "$anchor", "$comment", "$vocabulary", "$defs", "definitions", "title", "description", "default",
    "examples", "deprecated", "readOnly", "writeOnly", "contentEncoding", "contentMediaType", "contentSchema",
})  # fmt: skip
MAPS_OF_SCHEMAS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
LISTS_OF_SCHEMAS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
SCHEMAS = frozenset({
    "items", "additionalProperties", "unevaluatedItems", "unevaluatedProperties", "contains", "propertyNames",
    "not", "if", "then", "else",
})  # fmt: skip
MOST_DIGITS = 400


def is_annotation(keyword: str) -> bool:
    """Whether a keyword says nothing about which values are valid."""
    return keyword in ANNOTATIONS or keyword.startswith("x-")


def exact(value: Json) -> Fraction | None:
    """A JSON number without rounding; None for what is none, and for one whose digits would fill the memory."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    if isinstance(value, int):
        return Fraction(value)
    number = Decimal(repr(value)) if isinstance(value, float) else value
    if not number.is_finite() or abs(number.adjusted()) > MOST_DIGITS:
        return None
    return Fraction(number)


def key_of(value: Json) -> object:
    """Equal for JSON values that are equal (``1`` and ``1.0``, objects in any order), and for no others."""
    if isinstance(value, Mapping):
        return ("object", frozenset((name, key_of(one)) for name, one in value.items()))
    if isinstance(value, list):
        return ("array", tuple(key_of(one) for one in value))
    if value is None or isinstance(value, bool | str):
        return (type(value).__name__, value)
    number = value if isinstance(value, Fraction) else exact(value)
    return ("number", str(value) if number is None else number)


@dataclass(frozen=True, slots=True)
class Node:
    """One schema inside a book, by its JSON pointer."""

    book: "Book"
    pointer: str
    schema: Json

    @property
    def key(self) -> tuple[int, str]:
        return id(self.book), self.pointer

    def child(self, *parts: str | int) -> "Node":
        """The schema at ``parts`` below this one, which must be there."""
        schema = self.schema
        for part in parts:
            schema = schema[part]
        return Node(self.book, self.pointer + pointer(*parts), schema)

    def get(self, keyword: str) -> Json:
        return self.schema.get(keyword) if isinstance(self.schema, Mapping) else None


class Book:
    """A whole schema document with everything its ``$ref`` can reach; answers what is at a place, and its digest."""

    def __init__(self, schema: Json) -> None:
        self.schema = schema
        self.digests: dict[str, bytes] = {}
        self.references: dict[str, frozenset[str]] = {}
        self.anchors: dict[str, str] = {}
        self.nested_ids: set[str] = set()
        self.base = schema.get("$id", "") if isinstance(schema, Mapping) else ""
        self.changed: frozenset[str] = frozenset()
        self.all_references: set[str] = set()
        self.exclusive: dict[str, bool] = {}
        self._validators: dict[str, jsonschema_rs.Validator | None] = {}
        self._digest(schema, "")

    @property
    def root(self) -> Node:
        return Node(self, "", self.schema)

    def _digest(self, schema: Json, at: str) -> tuple[bytes, frozenset[str]]:
        """Digest of what is asserted below a place, and the references in it; every place is visited once."""
        if not isinstance(schema, Mapping):
            own, references = hashlib.sha256(repr(key_of(schema)).encode()).digest(), frozenset[str]()
            self.digests[at], self.references[at] = own, references
            return own, references
        if at and isinstance(schema.get("$id"), str):
            self.nested_ids.add(at)
        if isinstance(schema.get("$anchor"), str):
            self.anchors[schema["$anchor"]] = at
        parts, found = [], set[str]()
        for keyword in sorted(schema):
            digest, references = self._keyword(keyword, schema[keyword], at + pointer(keyword))
            if not is_annotation(keyword):
                parts.append(keyword.encode() + b"\0" + digest)
                found |= references
        own, references = hashlib.sha256(b"\1".join(parts)).digest(), frozenset(found)
        self.digests[at], self.references[at] = own, references
        return own, references

    def _keyword(self, keyword: str, value: Json, at: str) -> tuple[bytes, frozenset[str]]:
        found: tuple[bytes, frozenset[str]]
        if keyword in ("$ref", "$dynamicRef", "$recursiveRef") and isinstance(value, str):
            marked = value if keyword == "$ref" else f"{keyword} {value}"
            self.all_references.add(marked)
            found = hashlib.sha256(marked.encode()).digest(), frozenset({marked})
        elif keyword in SCHEMAS:
            return self._digest(value, at)
        elif keyword in MAPS_OF_SCHEMAS and isinstance(value, Mapping):
            found = _joined({name: self._digest(value[name], at + pointer(name)) for name in sorted(value)})
        elif keyword in LISTS_OF_SCHEMAS and isinstance(value, list):
            found = _joined({str(number): self._digest(one, f"{at}/{number}") for number, one in enumerate(value)})
        else:
            found = hashlib.sha256(_text_of(value).encode()).digest(), frozenset()
        self.digests[at], self.references[at] = found
        return found

    def target(self, reference: str) -> Node | None:
        """What a reference points at; None where that can not be told (another document, a resource of its own)."""
        if reference.startswith(f"{self.base}#") and self.base:
            reference = reference[len(self.base) :]
        if reference == "#":
            return self.root
        at = reference[1:] if reference.startswith("#/") else self.anchors.get(reference[1:])
        if at is None or not reference.startswith("#") or self.nested_ids:
            return None
        return self._at(at)

    def _at(self, at: str) -> Node | None:
        node, parts = self.schema, []
        for raw in unquote(at).split("/")[1:]:
            part = raw.replace("~1", "/").replace("~0", "~")
            if isinstance(node, Mapping) and part in node:
                node = node[part]
            elif isinstance(node, list) and part.isdigit() and int(part) < len(node):
                node = node[int(part)]
            else:
                return None
            parts.append(part)
        return Node(self, pointer(*parts), node) if isinstance(node, Mapping | bool) else None

    def alike(self, own: str, other: "Book", theirs: str) -> bool:
        """Whether two places accept the same by being written alike, with all that they refer to."""
        digest = self.digests.get(own)
        if digest is None or digest != other.digests.get(theirs) or self.nested_ids or other.nested_ids:
            return False
        return self is other or not self.references[own] & self.changed

    @cached_property
    def _registry(self) -> jsonschema_rs.Registry:
        return jsonschema_rs.Registry([("urn:book", self._anonymous)], draft=jsonschema_rs.Draft202012)

    @property
    def _anonymous(self) -> Json:
        if not isinstance(self.schema, Mapping):
            return self.schema
        return {name: value for name, value in self.schema.items() if name not in ("$id", "$schema")}

    def validator(self, at: str) -> jsonschema_rs.Validator | None:
        """What decides whether single values are valid at a place; None where it can not be built."""
        if at not in self._validators:
            self._validators[at] = self._compiled(at)
        return self._validators[at]

    def _compiled(self, at: str) -> jsonschema_rs.Validator | None:
        try:
            return jsonschema_rs.Draft202012Validator(
                {"$ref": f"urn:book#{quote(at)}"},
                registry=self._registry,
                validate_formats=True,
                pattern_options=linear(),
            )
        except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError):
            return None


def linear() -> jsonschema_rs.RegexOptions:
    """The engine of patterns that works in linear time, as the validator uses it."""
    return jsonschema_rs.RegexOptions(size_limit=1_000_000)


def _joined(parts: Mapping[str, tuple[bytes, frozenset[str]]]) -> tuple[bytes, frozenset[str]]:
    text = b"".join(hashlib.sha256(name.encode()).digest() + digest for name, (digest, _refs) in parts.items())
    return hashlib.sha256(text).digest(), frozenset(one for _digest, refs in parts.values() for one in refs)


def _text_of(value: Json) -> str:
    if isinstance(value, list) and len(value) > 1 and all(isinstance(one, str) for one in value):
        return repr(sorted(value))  # enum, required and type are sets
    return repr(_ordered(key_of(value)))


def _ordered(key: Any) -> Any:
    if isinstance(key, frozenset):
        return sorted((_ordered(one) for one in key), key=repr)
    return tuple(_ordered(one) for one in key) if isinstance(key, tuple) else key


def compare_books(one: Book, other: Book) -> None:
    """Find the references that mean something else in the two, directly or through what they refer to."""
    shared = one.all_references | other.all_references
    targets = {name: (one.target(name), other.target(name)) for name in shared}
    changed = {name for name, pair in targets.items() if not _same_target(pair)}
    waiting: dict[str, set[str]] = {}
    for name, (here, there) in targets.items():
        for node in (here, there):
            for used in node.book.references.get(node.pointer, ()) if node is not None else ():
                waiting.setdefault(used, set()).add(name)
    queue = list(changed)
    while queue:
        for name in waiting.get(queue.pop(), ()):
            if name not in changed:
                changed.add(name)
                queue.append(name)
    one.changed = other.changed = frozenset(changed)


def _same_target(pair: tuple[Node | None, Node | None]) -> bool:
    here, there = pair
    if here is None or there is None:
        return False
    digest = here.book.digests.get(here.pointer)
    return digest is not None and digest == there.book.digests.get(there.pointer)


def synthetic(schema: Json) -> Node:
    """A schema that stands in neither document, such as one type of several."""
    return Book(schema).root


def nodes_of(value: Json, owner: Node, keyword: str) -> Iterator[Node]:
    """The schemas in a list under a keyword."""
    for number in range(len(value)):
        yield owner.child(keyword, number)
