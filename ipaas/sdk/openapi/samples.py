"""An example for a schema: what the document gives, else the smallest value that fits."""

from collections.abc import Mapping
from typing import Any

from ipaas.sdk.schemas import Definitions, SchemaUnusable, compile_schema

MAX_DEPTH = 12
_TEXTS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "alice@example.org",
    "idn-email": "alice@example.org",
    "hostname": "example.org",
    "uri": "https://example.org/",
    "url": "https://example.org/",
    "uri-reference": "/",
    "uuid": "018f6b1c-7a1e-7c3b-9d5e-2f4a6c8e0b12",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "byte": "ZXhhbXBsZQ==",
    "binary": "ZXhhbXBsZQ==",
}


class NoSample(Exception):
    """No value was found that the schema itself takes."""


class Sampler:
    """Makes examples; ``definitions`` are those of the manifest and may still grow."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._closures = Definitions(definitions)
        self._trusting = True

    def fitting(self, schema: Mapping[str, Any]) -> Any:
        """A value that the schema takes: with the document's own examples, or, where those are wrong, without them.

        Raises NoSample.
        """
        for self._trusting in (True, False):
            found = self.sample(schema)
            try:
                if compile_schema(self._closures.for_value(dict(schema), found)).is_valid(found):
                    return found
            except SchemaUnusable as error:
                raise NoSample from error
        raise NoSample

    def sample(self, schema: Any, depth: int = 0) -> Any:
        """A value for a schema: its own example, default or first choice, else one built from its parts."""
        if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
            return None
        reference = schema.get("$ref")
        if isinstance(reference, str):
            return self.sample(self._definitions.get(reference.removeprefix("#/definitions/")), depth + 1)
        for key in ("const", "default") if self._trusting else ("const",):
            if key in schema:
                return schema[key]
        for key in ("examples", "enum") if self._trusting else ("enum",):
            if isinstance(schema.get(key), list) and schema[key]:
                return schema[key][0]
        if schema.get("allOf"):
            return self._merged(schema, depth)
        for key in ("oneOf", "anyOf"):
            if schema.get(key):
                return self.sample(schema[key][0], depth + 1)
        return self._built(schema, depth)

    def _merged(self, schema: Mapping[str, Any], depth: int) -> Any:
        parts = [self.sample(part, depth + 1) for part in schema["allOf"]]
        objects = [part for part in parts if isinstance(part, dict)]
        if not objects:
            return next((part for part in parts if part is not None), None)
        merged: dict[str, Any] = {}
        for part in objects:
            merged |= part
        own = self._object(schema, depth) if "properties" in schema else {}
        return merged | own

    def _built(self, schema: Mapping[str, Any], depth: int) -> Any:
        kinds = schema.get("type")
        kind = kinds if isinstance(kinds, str) else next((one for one in kinds or [] if one != "null"), None)
        if kind == "object" or (kind is None and "properties" in schema):
            return self._object(schema, depth)
        if kind == "array":
            count = max(int(schema.get("minItems", 1)), 1)
            return [self.sample(schema.get("items", {}), depth + 1) for _ in range(min(count, 3))]
        if kind in ("integer", "number"):
            return self._number(schema, whole=kind == "integer")
        if kind == "boolean":
            return True
        return self._text(schema) if kind == "string" else None

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        required = [name for name in schema.get("required", []) if name in properties]
        telling = [
            name
            for name, one in properties.items()
            if self._trusting and isinstance(one, Mapping) and one.keys() & {"examples", "default"}
        ]
        return {
            name: self.sample(properties[name], depth + 1)
            for name in dict.fromkeys([*required, *telling])
            if name in required or depth < 3
        }

    def _number(self, schema: Mapping[str, Any], *, whole: bool) -> Any:
        if "minimum" in schema:
            return schema["minimum"]
        if "exclusiveMinimum" in schema:
            return schema["exclusiveMinimum"] + 1
        if "maximum" in schema and schema["maximum"] < 1:
            return schema["maximum"]
        return schema.get("multipleOf", 1 if whole else 1.5)

    def _text(self, schema: Mapping[str, Any]) -> str:
        text = _TEXTS.get(str(schema.get("format", "")), "text")
        if "pattern" in schema:
            return text
        longest = schema.get("maxLength")
        text = text.ljust(int(schema.get("minLength", 0)), "x")
        return text[: int(longest)] if longest is not None else text
