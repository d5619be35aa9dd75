"""Compiled JSON Schemas (draft 2020-12): fast checks, errors that never show a value, sensitive places."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypedDict
from uuid import UUID

import jsonschema_rs

from ipaas.core.document_forms import Finding, pointer
from ipaas.core.phrases import said

MAX_ERRORS = 50
MAX_PLACES = 20_000
HIDDEN_VALUE = "the value"
SUBSCHEMA_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
SUBSCHEMAS = ("items", "if", "then", "else", "contains", "additionalProperties", "unevaluatedProperties")


class SchemaError(TypedDict):
    """One place where a value breaks a schema: JSON pointer, text without the value, the broken keyword."""

    path: str
    message: str
    keyword: str


@dataclass(frozen=True, slots=True)
class CompiledValidator:
    """A schema ready to check values; safe to share between threads."""

    schema: Mapping[str, Any] | bool
    validator: jsonschema_rs.Validator
    version_id: UUID | None = None
    sha256: str = ""
    sensitive: Mapping[str, str] = field(default_factory=dict)

    def is_valid(self, value: Any) -> bool:
        return bool(self.validator.is_valid(value))

    def errors(self, value: Any) -> list[SchemaError]:
        """What is wrong with a value, [] when nothing; at most ``MAX_ERRORS``."""
        found: list[SchemaError] = []
        for error in self.validator.iter_errors(value):
            found.append(
                SchemaError(path=pointer(*error.instance_path), message=error.message, keyword=error.kind.name)
            )
            if len(found) == MAX_ERRORS:
                break
        return found


def _offline(_uri: str) -> Any:
    message = said("a schema can only refer to its own parts ('#/$defs/…')")
    raise ValueError(message)


def compile_schema(
    schema: Any, *, version_id: UUID | None = None, sha256: str = "", mask: str | None = HIDDEN_VALUE
) -> CompiledValidator:
    """Compile a schema; references leave the document never. Raises ``jsonschema_rs`` errors or ``ValueError``."""
    validator = jsonschema_rs.Draft202012Validator(
        schema, validate_formats=True, retriever=_offline, mask=mask, pattern_options=_regex_options()
    )
    return CompiledValidator(schema, validator, version_id, sha256, dict(sensitive_paths(schema)))


def _regex_options() -> jsonschema_rs.RegexOptions:
    """The engine that works in linear time: a pattern can not be made to backtrack."""
    return jsonschema_rs.RegexOptions(size_limit=1_000_000)


def schema_problems(schema: Any, path: str = "") -> list[Finding]:
    """Why a schema can not be compiled, [] when it can."""
    try:
        compile_schema(schema, mask=None)
    except jsonschema_rs.ValidationError as error:
        return [Finding(path + pointer(*error.instance_path), "schema.invalid", error.message[:300])]
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        return [Finding(path, "schema.invalid", str(error)[:300])]
    return []


def sensitive_paths(schema: Any) -> Iterator[tuple[str, str]]:
    """Dotted paths (``customer.email``, ``lines.*.note``) whose subschema carries ``x-sensitive``, with the class.

    Raises ``ValueError`` for a schema whose references unfold to more than ``MAX_PLACES`` places: checking a value
    against it could take for ever as well.
    """
    yield from _sensitive(schema, schema, (), frozenset(), count())


def _sensitive(
    root: Any, schema: Any, path: tuple[str, ...], seen: frozenset[str], places: "count[int]"
) -> Iterator[tuple[str, str]]:
    if next(places) > MAX_PLACES:
        message = said("its references unfold to more than {most} places", most=MAX_PLACES)
        raise ValueError(message)
    if not isinstance(schema, Mapping):
        return
    label = schema.get("x-sensitive")
    if isinstance(label, str):
        yield ".".join(path), label
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference not in seen:
        yield from _sensitive(root, resolved_part(root, reference), path, seen | {reference}, places)
    for name, part in _members(schema):
        yield from _sensitive(root, part, (*path, *name), seen, places)


def _members(schema: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        for key, part in properties.items():
            yield (str(key),), part
    for keyword in SUBSCHEMA_LISTS:
        parts = schema.get(keyword)
        for part in parts if isinstance(parts, list) else ():
            yield ("*",) if keyword == "prefixItems" else (), part
    for keyword in SUBSCHEMAS:
        if keyword in schema:
            yield () if keyword in ("if", "then", "else") else ("*",), schema[keyword]


def resolved_part(root: Any, reference: str) -> Any:
    """The part of a schema that a reference inside of it (``#/$defs/…``) means; None when there is none."""
    if not reference.startswith("#"):
        return None
    node = root
    for raw in reference[1:].split("/")[1:]:
        part = raw.replace("~1", "/").replace("~0", "~")
        if isinstance(node, Mapping):
            node = node.get(part)
        elif isinstance(node, list) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        else:
            return None
    return node
