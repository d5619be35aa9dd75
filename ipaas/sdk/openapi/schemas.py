"""Schemas of OpenAPI as JSON Schema 2020-12, each named one once, under ``definitions`` of the manifest.

3.0 differs from JSON Schema in ``nullable``, boolean ``exclusiveMinimum``, ``example`` and in ignoring what stands
beside a ``$ref``; 3.1 is JSON Schema already. Unknown keywords are annotations and stay out.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ipaas.sdk.openapi.findings import Findings, below
from ipaas.sdk.openapi.references import References
from ipaas.sdk.schemas import SchemaUnusable, compile_schema

MAX_DEPTH = 120
TYPES = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})
_SAME = (
    "title",
    "description",
    "default",
    "enum",
    "const",
    "format",
    "multipleOf",
    "maximum",
    "minimum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "maxItems",
    "minItems",
    "uniqueItems",
    "maxProperties",
    "minProperties",
    "deprecated",
    "readOnly",
    "writeOnly",
    "examples",
    "minContains",
    "maxContains",
    "dependentRequired",
    "contentEncoding",
    "contentMediaType",
)
_SUBSCHEMA = (
    "additionalProperties", "items", "not", "propertyNames", "contains", "if", "then", "else",
    "unevaluatedProperties", "unevaluatedItems",
)  # fmt: skip
_SUBSCHEMAS = ("allOf", "anyOf", "oneOf", "prefixItems")
_SUBSCHEMA_MAPS = ("properties", "patternProperties", "dependentSchemas")
_NUMBERS = frozenset(
    {
        "multipleOf",
        "maximum",
        "minimum",
        "maxLength",
        "minLength",
        "maxItems",
        "minItems",
        "maxProperties",
        "minProperties",
    }
)
_COUNTS = _NUMBERS - {"multipleOf", "maximum", "minimum"}
_TEXT_FORMATS = {"file": "binary", "date": "date", "dateTime": "date-time", "datetime": "date-time", "uuid": "uuid"}


class SchemaConverter:
    """Converts schemas of one document; ``definitions`` holds every named one that was met."""

    def __init__(self, references: References, findings: Findings, *, modern: bool) -> None:
        self.definitions: dict[str, Any] = {}
        self._references = references
        self._findings = findings
        self._modern = modern
        self._names: dict[str, str] = {}
        self._waiting: list[tuple[str, Any, str]] = []

    def convert(self, schema: Any, path: str) -> Any:
        """A schema whose references lead into ``#/definitions``; whatever they name is converted too."""
        made = self._schema(schema, path, 0)
        while self._waiting:
            name, target, place = self._waiting.pop()
            self.definitions[name] = self._schema(target, place, 0)
        return made

    def _schema(self, schema: Any, path: str, depth: int) -> Any:
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, Mapping):
            self._findings.dropped(path, "not_a_schema", "a schema was expected here; anything is allowed instead")
            return {}
        if depth > MAX_DEPTH:
            self._findings.dropped(
                path, "too_deep", f"schemas inside one another beyond {MAX_DEPTH} levels are left out"
            )
            return {}
        reference = schema.get("$ref", schema.get("$dynamicRef"))
        if isinstance(reference, str):
            return self._referring(schema, reference, path, depth)
        made: dict[str, Any] = {key: schema[key] for key in _SAME if key in schema}
        self._keep_numbers(made, path)
        self._add_type(made, schema, path)
        self._add_below(made, schema, path, depth)
        self._add_pattern(made, schema, path)
        required = schema.get("required")
        if isinstance(required, list):
            made["required"] = sorted({str(name) for name in required} - _answered_only(schema.get("properties")))
        if "example" in schema and "examples" not in made:
            made["examples"] = [schema["example"]]
        if not isinstance(made.get("examples", []), list):
            made["examples"] = [made["examples"]]
        for key in ("discriminator", "xml"):
            if key in schema:
                made[f"x-{key}"] = schema[key]
        if "discriminator" in schema and "oneOf" in made and "anyOf" not in made:
            made["anyOf"] = made.pop("oneOf")  # a member tells the form; that others would fit too does no harm
        return self._nullable(made, schema)

    # -- references ----------------------------------------------------------------------------------------------

    def _referring(self, schema: Mapping[str, Any], reference: str, path: str, depth: int) -> Any:
        target = self._references.target(reference)
        if target is None:
            self._references.missing(path, reference)
            return {}
        made: dict[str, Any] = {"$ref": f"#/definitions/{self._name_of(reference, target)}"}
        beside = {key: one for key, one in schema.items() if key not in ("$ref", "$dynamicRef")}
        if self._modern and beside.keys() - {"description", "summary", "title"}:
            extra = self._schema(beside, path, depth + 1)
            return {"allOf": [made, extra]} if extra else made
        if beside.get("nullable") is True:
            return {"anyOf": [made, {"type": "null"}]}
        return made | {key: beside[key] for key in ("description", "title") if isinstance(beside.get(key), str)}

    def _name_of(self, reference: str, target: Any) -> str:
        known = self._names.get(reference)
        if known is not None:
            return known
        wanted = (
            re.sub(r"[^A-Za-z0-9_.-]+", "_", reference.rpartition("/")[2].replace("~1", "_").strip("#"))[:80]
            or "schema"
        )
        name, number = wanted, 2
        while name in self.definitions or name in self._names.values():
            name, number = f"{wanted}_{number}", number + 1
        self._names[reference] = name
        self._waiting.append((name, target, reference.lstrip("#")))
        return name

    # -- keywords ------------------------------------------------------------------------------------------------

    def _keep_numbers(self, made: dict[str, Any], path: str) -> None:
        for key in _NUMBERS & made.keys():
            value = made[key]
            if isinstance(value, bool) or not hasattr(value, "__float__"):
                self._findings.dropped(below(path, key), "not_a_number", f"{key} is not a number")
                del made[key]
            elif (value <= 0) if key == "multipleOf" else (key in _COUNTS and (value < 0 or value != int(value))):
                self._findings.dropped(below(path, key), "not_a_count", f"{key} can not be {str(value)[:40]}")
                del made[key]
        for exclusive, plain in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
            if isinstance(made.get(exclusive), bool) and made.pop(exclusive) and plain in made:
                made[exclusive] = made.pop(plain)
        if "enum" in made and not (isinstance(made["enum"], list) and made["enum"]):
            self._findings.dropped(below(path, "enum"), "enum", "an enum without values allows anything")
            del made["enum"]
        for key in ("title", "description", "format"):
            if key in made and not isinstance(made[key], str):
                del made[key]
        for key in ("deprecated", "readOnly", "writeOnly", "uniqueItems"):
            if key in made and not isinstance(made[key], bool):
                del made[key]

    def _add_type(self, made: dict[str, Any], schema: Mapping[str, Any], path: str) -> None:
        given = schema.get("type")
        names = [given] if isinstance(given, str) else given if isinstance(given, list) else []
        known = [name for name in names if name in TYPES]
        for name in names:
            if name in _TEXT_FORMATS and name not in TYPES:
                known.append("string")
                made.setdefault("format", _TEXT_FORMATS[name])
            elif name not in TYPES:
                self._findings.note(
                    below(path, "type"), "type", f"there is no type {str(name)[:40]}; anything is allowed"
                )
        if known:
            made["type"] = known[0] if len(known) == 1 else sorted(set(known))

    def _add_below(self, made: dict[str, Any], schema: Mapping[str, Any], path: str, depth: int) -> None:
        for key in _SUBSCHEMA:
            if key in schema:
                one = schema[key]
                if key == "items" and isinstance(one, list):
                    made["prefixItems"] = [
                        self._schema(each, below(path, key, n), depth + 1) for n, each in enumerate(one)
                    ]
                else:
                    made[key] = self._schema(one, below(path, key), depth + 1)
        for key in _SUBSCHEMAS:
            if isinstance(schema.get(key), list) and schema[key]:
                made[key] = [self._schema(one, below(path, key, n), depth + 1) for n, one in enumerate(schema[key])]
        for key in _SUBSCHEMA_MAPS:
            if isinstance(schema.get(key), Mapping):
                parts = schema[key].items()
                made[key] = {str(name): self._schema(one, below(path, key, name), depth + 1) for name, one in parts}
        if "patternProperties" in made:
            for pattern in [one for one in made["patternProperties"] if not _usable(one)]:
                self._findings.dropped(below(path, "patternProperties"), "pattern", "a pattern is not understood")
                del made["patternProperties"][pattern]

    def _add_pattern(self, made: dict[str, Any], schema: Mapping[str, Any], path: str) -> None:
        pattern = schema.get("pattern")
        if not isinstance(pattern, str):
            return
        pattern = pattern[1:-1] if len(pattern) > 1 and pattern[0] == pattern[-1] == "/" else pattern
        if _usable(pattern):
            made["pattern"] = pattern
        else:
            text = "the pattern is not one that can be checked in linear time; it is not enforced"
            self._findings.dropped(below(path, "pattern"), "pattern", text)

    def _nullable(self, made: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
        if self._modern or schema.get("nullable", schema.get("x-nullable")) is not True:
            return made
        if "enum" in made and None not in made["enum"]:
            made["enum"] = [*made["enum"], None]
        if "type" in made:
            names = [made["type"]] if isinstance(made["type"], str) else made["type"]
            made["type"] = [*names, "null"] if "null" not in names else names
            return made
        return {"anyOf": [made, {"type": "null"}]} if made.keys() & {"allOf", "anyOf", "oneOf"} else made


def _answered_only(properties: Any) -> set[str]:
    """Members that only the vendor sets: "required" then speaks of answers (OpenAPI 3.0, readOnly)."""
    members = properties.items() if isinstance(properties, Mapping) else ()
    return {str(name) for name, one in members if isinstance(one, Mapping) and one.get("readOnly") is True}


@lru_cache(maxsize=4096)
def _usable(pattern: str) -> bool:
    try:
        compile_schema({"type": "string", "pattern": pattern})
    except SchemaUnusable:
        return False
    return True
