"""An example for a schema: what the document gives, else the smallest value that fits."""

from collections.abc import Mapping
from typing import Any

from ipaas.sdk.schemas import Definitions, SchemaUnusable, compile_schema

MAX_DEPTH = 12
MAX_VALUES = 5_000
"""Values of one sample; schemas that branch into themselves would else grow without end."""
WHOLE_DEPTH = 4
MAX_TEXT = 4_096
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
    """Makes examples; ``definitions`` are those of the manifest and may still grow.

    ``whole`` ones have optional members too, as an answer has; others only what is needed or told.
    """

    def __init__(self, definitions: Mapping[str, Any], *, whole: bool = False) -> None:
        self._definitions = definitions
        self._closures = Definitions(definitions)
        self._whole = whole
        self._trusting = True
        self._made = 0

    def fitting(self, schema: Mapping[str, Any]) -> Any:
        """A value that the schema takes: with the document's own examples, or, where those are wrong, without them.

        Raises NoSample.
        """
        for self._trusting in (True, False):
            self._made = 0
            found = self.sample(schema)
            try:
                if compile_schema(self._closures.for_value(dict(schema), found)).is_valid(found):
                    return found
            except SchemaUnusable as error:
                raise NoSample from error
        raise NoSample

    def sample(self, schema: Any, depth: int = 0) -> Any:
        """A value for a schema: its own example, default or first choice, else one built from its parts."""
        self._made = self._made + 1 if depth else 1
        if not isinstance(schema, Mapping) or depth > MAX_DEPTH or self._made > MAX_VALUES:
            return None
        if self._trusting and isinstance(schema.get("examples"), list) and schema["examples"]:
            return schema["examples"][0]
        reference = schema.get("$ref")
        if isinstance(reference, str):
            return self.sample(self._definitions.get(reference.removeprefix("#/definitions/")), depth + 1)
        for key in ("const", "default") if self._trusting else ("const",):
            if key in schema:
                return schema[key]
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return schema["enum"][0]
        if schema.get("allOf"):
            return self._merged(schema, depth)
        for key in ("oneOf", "anyOf"):
            if schema.get(key):
                return self._first_of(schema, schema[key][0], depth)
        return self._built(schema, depth)

    def _first_of(self, schema: Mapping[str, Any], choice: Any, depth: int) -> Any:
        """The first of several forms, with the member that names it (``discriminator``) and those beside it."""
        found = self.sample(choice, depth + 1)
        if not isinstance(found, dict):
            return found
        own = self._object(schema, depth) if "properties" in schema else {}
        told = schema.get("x-discriminator")
        name = told.get("propertyName") if isinstance(told, Mapping) else None
        if isinstance(name, str) and isinstance(choice, Mapping) and "$ref" in choice:
            meant = str(choice["$ref"]).rpartition("/")[2]
            named = told.get("mapping") if isinstance(told, Mapping) else None
            keys = named.items() if isinstance(named, Mapping) else ()
            own[name] = next((key for key, one in keys if str(one).rpartition("/")[2] == meant), meant)
        return {**own, **found, **({name: own[name]} if name in own and isinstance(name, str) else {})}

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
        optional = list(properties) if self._whole and depth < WHOLE_DEPTH else telling if depth < 3 else []
        return {name: self.sample(properties[name], depth + 1) for name in dict.fromkeys([*required, *optional])}

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
        text = text.ljust(min(int(schema.get("minLength", 0)), MAX_TEXT), "x")
        return text[: int(longest)] if longest is not None else text
