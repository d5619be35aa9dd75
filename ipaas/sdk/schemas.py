"""JSON Schema validators that never fetch anything and never quote the values they refuse."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import jsonschema_rs

from ipaas.core.errors import IpaasError

MAX_FINDINGS = 20
_MOST_STEPS = 20
_OF_THE_SAME = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else"})
"""Keywords whose schemas judge the value that the schema around them judges."""
_OF_NOTHING = frozenset({"$ref", "definitions", "examples", "default", "const", "enum", "title", "description"})


class SchemaUnusable(IpaasError):
    """The JSON Schema cannot be used: {reason}"""

    status = 422
    code = "schema_unusable"
    title = "Schema unusable"
    remedy = "Correct the schema; references must stay inside the document."


class Validator(Protocol):
    """What is used of a compiled validator."""

    def is_valid(self, instance: Any) -> bool: ...

    def iter_errors(self, instance: Any) -> Any: ...


def compile_schema(schema: Any) -> Validator:
    """Compile once, use often. Raises SchemaUnusable for a bad schema or a reference outside the document."""
    try:
        return jsonschema_rs.validator_for(schema, offline=True, mask="the value", validate_formats=True)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError, TypeError) as error:
        raise SchemaUnusable(reason=str(error).splitlines()[0][:300]) from error


def findings(validator: Validator, value: Any) -> list[dict[str, str]]:
    """One ``{"path", "code", "message"}`` for each violation, twenty at most; empty when the value is valid."""
    if validator.is_valid(value):
        return []
    found: list[dict[str, str]] = []
    for error in validator.iter_errors(value):
        path = ".".join(str(part) for part in error.instance_path)
        keyword = str(error.schema_path[-1]) if error.schema_path else "schema"
        found.append({"path": path, "code": keyword, "message": error.message})
        if len(found) == MAX_FINDINGS:
            break
    return found


def with_defaults(schema: Any, value: dict[str, Any]) -> dict[str, Any]:
    """The value with absent top-level properties of the schema set to their default or null."""
    properties = schema.get("properties", {}) if isinstance(schema, dict) else {}
    if all(name in value for name in properties):
        return value
    filled = {name: _default(below, schema) for name, below in properties.items() if name not in value}
    return {**filled, **value}


def _default(below: Any, root: dict[str, Any]) -> Any:
    """The default of a property, or of the definition that it names; a ring of references has none."""
    for _ in range(_MOST_STEPS):
        if not isinstance(below, dict):
            return None
        if "default" in below:
            return below["default"]
        place = str(below.get("$ref", ""))
        kind, _, name = place.removeprefix("#/").partition("/")
        if not place.startswith("#/") or kind not in ("definitions", "$defs"):
            return None
        below = root.get(kind, {}).get(name.replace("~1", "/").replace("~0", "~"))
    return None


class Definitions:
    """Named schemas that others refer to as ``#/definitions/<name>``."""

    def __init__(self, schemas: Mapping[str, Any]) -> None:
        self._schemas = schemas
        self._direct: dict[str, set[str]] = {}
        self._closures: dict[str, frozenset[str]] = {}
        self._shared: dict[frozenset[str], dict[str, Any]] = {}

    def standing_alone(self, schema: Any) -> Any:
        """The schema with those definitions that it reaches; they are shared, not copied.

        Schemas that reach the same share even the object of them: of a thousand operations most hang together.
        """
        if not self._schemas or not isinstance(schema, dict):
            return schema
        closures = [self._closure(name) for name in _named(schema) if name in self._schemas]
        if not closures:
            return schema
        reached = max(closures, key=len)
        if not all(one is reached or one <= reached for one in closures):
            reached = reached.union(*closures)
        shared = self._shared.get(reached)
        if shared is None:
            shared = self._shared[reached] = {name: self._schemas[name] for name in sorted(reached)}
        return {**schema, "definitions": shared}

    def _closure(self, start: str) -> frozenset[str]:
        """All that a definition reaches, itself too, worked out once for those that reach one another (Tarjan)."""
        if start in self._closures:
            return self._closures[start]
        order: dict[str, int] = {start: 0}
        lowest: dict[str, int] = {start: 0}
        open_names: list[str] = [start]
        waiting = [(start, iter(self._following(start)))]
        while waiting:
            name, following = waiting[-1]
            for one in following:
                if one not in order and one not in self._closures:
                    order[one] = lowest[one] = len(order)
                    open_names.append(one)
                    waiting.append((one, iter(self._following(one))))
                    break
                if one not in self._closures:
                    lowest[name] = min(lowest[name], order[one])
            else:
                waiting.pop()
                if waiting:
                    lowest[waiting[-1][0]] = min(lowest[waiting[-1][0]], lowest[name])
                if lowest[name] == order[name]:
                    self._close(open_names, name)
        return self._closures[start]

    def _close(self, open_names: list[str], root: str) -> None:
        """Give the definitions from ``root`` on, which reach one another, what they and those behind them reach."""
        place = open_names.index(root)
        together = open_names[place:]
        del open_names[place:]
        beyond = {self._closures[one] for name in together for one in self._following(name) if one in self._closures}
        closure = frozenset(together).union(*beyond)
        self._closures.update(dict.fromkeys(together, closure))

    def _following(self, name: str) -> list[str]:
        return [one for one in self._named_by(name) if one in self._schemas]

    def for_value(self, schema: Any, value: Any) -> Any:
        """The schema with those definitions that decide about this very value; it judges no other.

        A vendor's whole API often hangs together: what one value needs is a few of a thousand definitions.
        """
        needed: set[str] = set()
        seen: set[tuple[str, int]] = set()
        waiting: list[tuple[Any, Any]] = [(schema, value)]
        while waiting:
            one, told = waiting.pop()
            if not isinstance(one, dict):
                continue
            name = str(one.get("$ref", "")).removeprefix("#/definitions/")
            if name in self._schemas and (name, id(told)) not in seen:
                seen.add((name, id(told)))
                needed.add(name)
                waiting.append((self._schemas[name], told))
            for keyword, part in one.items():
                if keyword in _OF_THE_SAME:
                    waiting += [(below, told) for below in (part if isinstance(part, list) else [part])]
                elif keyword == "properties" and isinstance(part, dict):
                    given = told if isinstance(told, dict) else {}
                    waiting += [(below, given[member]) for member, below in part.items() if member in given]
                elif keyword == "items" and isinstance(part, dict):
                    waiting += [(part, element) for element in (told if isinstance(told, list) else ())]
                elif keyword not in _OF_NOTHING:
                    needed |= self._reached(_named(part))
        names = {*_named(schema), *(deeper for name in needed for deeper in self._named_by(name))}
        if not names:
            return schema
        used = {name: self._schemas[name] if name in needed else True for name in names if name in self._schemas}
        return {**schema, "definitions": used}

    def _named_by(self, name: str) -> set[str]:
        if name not in self._direct:
            self._direct[name] = _named(self._schemas[name])
        return self._direct[name]

    def _reached(self, names: Iterable[str]) -> set[str]:
        reached: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in reached or name not in self._schemas:
                continue
            reached.add(name)
            waiting += self._named_by(name)
        return reached


def _named(schema: Any) -> set[str]:
    """Names of the definitions that a schema itself refers to."""
    found: set[str] = set()
    waiting = [schema]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            reference = one.get("$ref")
            if isinstance(reference, str) and reference.startswith("#/definitions/"):
                found.add(reference.removeprefix("#/definitions/"))
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return found
