"""Values at the edges of a JSON Schema: with only what is required, with everything, with each limit and choice.

Every value is checked against the schema before it is given out, so that what this module does not understand costs
values and never makes a wrong one. The same schema always gives the same values.
"""

import copy
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from ipaas.contracts.validators import CompiledValidator, compile_schema, resolved_part
from ipaas.core.document_forms import exact, normalise

MOST_VALUES: Final = 200
MOST_DEPTH: Final = 12
MOST_NODES: Final = 20_000
MOST_ITEMS: Final = 20
MOST_CHARS: Final = 2_000

JSON = Any
Path = tuple[str | int, ...]
_ABSENT: Final = object()
_FORMATS: Final[Mapping[str, JSON]] = {
    "date-time": "2026-01-31T12:00:00Z",
    "date": "2026-01-31",
    "time": "12:00:00Z",
    "duration": "P1D",
    "email": "alice@example.com",
    "idn-email": "alice@example.com",
    "hostname": "www.example.com",
    "ipv4": "203.0.113.7",
    "ipv6": "2001:db8::7",
    "uri": "https://www.example.com/a",
    "uri-reference": "/a",
    "uuid": "0198a5d2-7c00-7000-8000-000000000001",
    "json-pointer": "/a/0",
    "regex": "a+",
}


@dataclass(frozen=True, slots=True)
class EdgeValue:
    """A value and which edge of the schema it stands at."""

    name: str
    value: JSON


def edge_values(schema: JSON, *, most: int = MOST_VALUES) -> list[EdgeValue]:
    """Valid values, each once, at most ``most``: the least and the fullest first, then one for each edge."""
    found: list[EdgeValue] = []
    maker = _Maker(schema)
    validator = compile_schema(schema)
    for name, value in maker.all():
        if any(one.value == value for one in found) or not _is_valid(validator, value):
            continue
        found.append(EdgeValue(name, value))
        if len(found) == most:
            break
    return found


def _is_valid(validator: CompiledValidator, value: JSON) -> bool:
    return validator.is_valid(exact(value))


@dataclass(frozen=True, slots=True)
class _Edge:
    """At ``path`` of the fullest value stands ``value`` instead; ``_ABSENT`` takes the key away."""

    path: Path
    words: str
    value: JSON


class _Maker:
    def __init__(self, schema: JSON) -> None:
        self._root = schema
        self._edges: list[_Edge] = []
        self._open: Counter[str] = Counter()
        self._left = MOST_NODES

    def all(self) -> Iterator[tuple[str, JSON]]:
        yield "only what is required", self._value(self._root, (), full=False, depth=0)
        self._edges = []
        fullest = self._value(self._root, (), full=True, depth=0)
        edges = self._edges
        yield "everything", fullest
        for edge in edges:
            place = ".".join(map(str, edge.path)) or "the value"
            yield f"{place}: {edge.words}", _with(fullest, edge.path, edge.value)

    # -- one value of a schema ---------------------------------------------------------------------------------------

    def _value(self, schema: JSON, path: Path, *, full: bool, depth: int) -> JSON:
        """Of a schema inside itself only what is required is made, so that this ends."""
        reference = str(schema.get("$ref", "")) if isinstance(schema, Mapping) else ""
        again = bool(reference) and self._open[reference] > 0
        self._open[reference] += 1
        try:
            return self._made(schema, path, full=full and not again, depth=depth)
        finally:
            self._open[reference] -= 1

    def _made(self, schema: JSON, path: Path, *, full: bool, depth: int) -> JSON:
        self._left -= 1
        parts = self._merged(schema)
        if parts is None or depth > MOST_DEPTH or self._left < 0:
            return None
        note = self._note if full else _unheard
        for choice in self._choices(parts):
            chosen = self._value(choice, path, full=False, depth=depth + 1)
            note(path, "another form", chosen)
        kind = _kind(parts)
        if _may_be_null(parts) and kind != "null":
            note(path, "null", None)
        if "const" in parts:
            return parts["const"]
        if parts.get("enum"):
            for value in parts["enum"]:
                note(path, str(value), value)
            return next((value for value in parts["enum"] if value is not None), None)
        return self._of_kind(kind, parts, path, full=full, depth=depth)

    def _of_kind(self, kind: str, parts: Mapping[str, JSON], path: Path, *, full: bool, depth: int) -> JSON:
        if kind == "object":
            return self._object(parts, path, full=full, depth=depth)
        if kind == "array":
            return self._array(parts, path, full=full, depth=depth)
        usual = _example(parts)
        note = self._note if full else _unheard
        if kind in ("integer", "number"):
            edges = list(_number_edges(parts, kind))
        elif kind == "string":
            edges = list(_text_edges(parts))
        else:
            edges = [("true", True), ("false", False)] if kind == "boolean" else []
        for words, value in edges:
            note(path, words, value)
        made = {"string": _text, "integer": _integer, "number": _number}.get(kind)
        if usual is not _ABSENT:
            return usual
        return made(parts) if made else kind == "boolean" or None

    def _object(self, parts: Mapping[str, JSON], path: Path, *, full: bool, depth: int) -> JSON:
        required = set(parts.get("required", ()))
        found: dict[str, JSON] = {}
        for key, part in (parts.get("properties") or {}).items():
            if not full and key not in required:
                continue
            inside = (*path, key)
            if full and key not in required:
                self._note(inside, "absent", _ABSENT)
            if part is not False:
                found[key] = self._value(part, inside, full=full, depth=depth + 1)
        for key in sorted(required - set(found)):
            found[key] = self._value(parts.get("additionalProperties", True), (*path, key), full=False, depth=depth + 1)
        return found

    def _array(self, parts: Mapping[str, JSON], path: Path, *, full: bool, depth: int) -> JSON:
        least, most = parts.get("minItems", 0), parts.get("maxItems")
        first = [
            self._value(part, (*path, number), full=full, depth=depth + 1)
            for number, part in enumerate(parts.get("prefixItems") or ())
        ]
        item = parts.get("items", True)
        if item is False:
            return first
        wanted = max(least, len(first) + 1 if full and (most is None or most > len(first)) else least)
        made = [
            self._value(item, (*path, number), full=full and number == len(first), depth=depth + 1)
            for number in range(len(first), min(wanted, MOST_ITEMS))
        ]
        found = first + made
        if full and least == 0 and found:
            self._note(path, "no element", [])
        if full and found and most is not None and len(found) < most <= MOST_ITEMS and not parts.get("uniqueItems"):
            self._note(path, f"{most} elements", found + [found[-1]] * (most - len(found)))
        elif full and found and most is None and not parts.get("uniqueItems"):
            self._note(path, f"{len(found) + 1} elements", [*found, found[-1]])
        return found

    def _note(self, path: Path, words: str, value: JSON) -> None:
        if len(self._edges) < 4 * MOST_VALUES:
            self._edges.append(_Edge(path, words, value))

    # -- reading the schema ------------------------------------------------------------------------------------------

    def _merged(self, schema: JSON, seen: frozenset[str] = frozenset()) -> dict[str, JSON] | None:
        """The keywords of a schema with those of its references, of ``allOf`` and of its first choice."""
        if schema is True:
            return {}
        if not isinstance(schema, Mapping):
            return None
        found = dict(schema)
        reference = found.pop("$ref", None)
        parts = list(found.pop("allOf", ()))
        if isinstance(reference, str):
            if reference in seen:
                return None
            parts.insert(0, resolved_part(self._root, reference))
            seen = seen | {reference}
        for key in ("anyOf", "oneOf"):
            parts += _alternatives(found, key)[:1]
        for part in parts:
            inner = self._merged(part, seen) if part is not None else {}
            if inner is None:
                return None
            found = _joined(inner, found)
        return found

    @staticmethod
    def _choices(parts: Mapping[str, JSON]) -> Iterator[JSON]:
        """The alternatives beside the first, each with what holds for all."""
        common = {key: value for key, value in parts.items() if key not in ("anyOf", "oneOf")}
        for key in ("anyOf", "oneOf"):
            for part in _alternatives(parts, key)[1:]:
                yield part if not common.keys() - {"title", "description"} else {"allOf": [part, common]}


def _alternatives(parts: Mapping[str, JSON], key: str) -> list[JSON]:
    """Those of ``anyOf`` or ``oneOf``, null last."""
    return sorted(parts.get(key) or (), key=lambda one: isinstance(one, Mapping) and one.get("type") == "null")


def _joined(one: Mapping[str, JSON], other: Mapping[str, JSON]) -> dict[str, JSON]:
    found = {**one, **other}
    for key in ("properties", "$defs"):
        if key in one and key in other:
            found[key] = {**one[key], **other[key]}
    if "required" in one and "required" in other:
        found["required"] = [*one["required"], *other["required"]]
    return found


def _kind(parts: Mapping[str, JSON]) -> str:
    given = parts.get("type")
    kinds = [given] if isinstance(given, str) else list(given or ())
    first = next((kind for kind in kinds if kind != "null"), None) or (kinds[0] if kinds else None)
    if first is not None:
        return str(first)
    if "properties" in parts or "required" in parts:
        return "object"
    return "array" if "items" in parts or "prefixItems" in parts else "string"


def _may_be_null(parts: Mapping[str, JSON]) -> bool:
    given = parts.get("type")
    return isinstance(given, list) and "null" in given


def _example(parts: Mapping[str, JSON]) -> JSON:
    examples = parts.get("examples")
    if isinstance(examples, list) and examples:
        return examples[0]
    return parts.get("default", _ABSENT)


def _unheard(_path: Path, _words: str, _value: JSON) -> None:
    return None


# -- numbers and texts -----------------------------------------------------------------------------------------------


def _bounds(parts: Mapping[str, JSON], kind: str) -> tuple[JSON, JSON]:
    step = parts.get("multipleOf") or (1 if kind == "integer" else Decimal("0.01"))
    least, most = parts.get("minimum"), parts.get("maximum")
    if "exclusiveMinimum" in parts:
        least = exact(parts["exclusiveMinimum"]) + exact(step)
    if "exclusiveMaximum" in parts:
        most = exact(parts["exclusiveMaximum"]) - exact(step)
    return least, most


def _number_edges(parts: Mapping[str, JSON], kind: str) -> Iterator[tuple[str, JSON]]:
    least, most = _bounds(parts, kind)
    if least is not None:
        yield f"the least, {least}", normalise(least)
    if most is not None:
        yield f"the most, {most}", normalise(most)
    if least is None:
        yield "zero", 0
        yield "below zero", -1
    if kind == "number" and "multipleOf" not in parts:
        yield "with a fraction", normalise(exact(least or 0) + Decimal("0.5"))


def _integer(parts: Mapping[str, JSON]) -> JSON:
    return _number(parts, "integer")


def _number(parts: Mapping[str, JSON], kind: str = "number") -> JSON:
    least, most = _bounds(parts, kind)
    step = exact(parts.get("multipleOf") or 1)
    for value in (exact(7), exact(1), least, most):
        if value is None:
            continue
        value = exact(value) // step * step
        if (least is None or value >= exact(least)) and (most is None or value <= exact(most)):
            return normalise(value)
    return normalise(least if least is not None else most or 0)


def _text_edges(parts: Mapping[str, JSON]) -> Iterator[tuple[str, JSON]]:
    if "pattern" in parts or "format" in parts:
        return
    least, most = parts.get("minLength", 0), parts.get("maxLength")
    yield "the shortest text", "a" * min(least, MOST_CHARS)
    if most is not None and most <= MOST_CHARS:
        yield f"the longest text, {most} characters", "a" * most


def _text(parts: Mapping[str, JSON]) -> JSON:
    if parts.get("format") in _FORMATS:
        return _FORMATS[parts["format"]]
    if isinstance(parts.get("pattern"), str):
        return matching(parts["pattern"])
    least, most = parts.get("minLength", 0), parts.get("maxLength", 8)
    return "text" if least <= 4 <= most else "a" * min(max(least, min(most, 4)), MOST_CHARS)


def matching(pattern: str) -> str:
    """A short text that a regular expression matches, as far as this module understands it; "" otherwise."""
    try:
        found = _Sample().of(_parsed(pattern))
    except (re.error, LookupError, RecursionError, OverflowError, ValueError):
        return ""
    return found[:MOST_CHARS]


def _parsed(pattern: str) -> Any:
    from re import _parser  # type: ignore[attr-defined]  # the standard library's own reader of expressions

    return _parser.parse(pattern)


class _Sample:
    """The least text that the parts of a regular expression match."""

    def __init__(self) -> None:
        self._groups: dict[int, str] = {}

    def of(self, parts: Any) -> str:
        return "".join(self._part(str(name), given) for name, given in parts)

    def _part(self, name: str, given: Any) -> str:
        made: dict[str, Callable[[Any], str]] = {
            "LITERAL": chr,
            "NOT_LITERAL": lambda code: "b" if chr(code) == "a" else "a",
            "ANY": lambda _: "a",
            "AT": lambda _: "",
            "IN": self._one_of,
            "BRANCH": lambda branch: self.of(branch[1][0]),
            "MAX_REPEAT": lambda repeat: self.of(repeat[2]) * min(repeat[0], MOST_CHARS),
            "MIN_REPEAT": lambda repeat: self.of(repeat[2]) * min(repeat[0], MOST_CHARS),
            "SUBPATTERN": self._group,
            "GROUPREF": lambda number: self._groups[number],
            "ASSERT": lambda _: "",
            "ASSERT_NOT": lambda _: "",
            "CATEGORY": self._category,
            "RANGE": lambda pair: chr(pair[0]),
        }
        return made[name](given)

    def _one_of(self, choices: Any) -> str:
        if str(choices[0][0]) != "NEGATE":
            return self._part(str(choices[0][0]), choices[0][1])
        barred = re.compile("".join(["[", *(_class(one) for one in choices[1:]), "]"]))
        return next(char for char in "a1 -_.AZ~é" if not barred.match(char))

    def _group(self, given: Any) -> str:
        text = self.of(given[3])
        if given[0] is not None:
            self._groups[given[0]] = text
        return text

    @staticmethod
    def _category(given: Any) -> str:
        name = str(given)
        return {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "a"}.get(name, "-")


def _class(one: Any) -> str:
    name, given = str(one[0]), one[1]
    if name == "RANGE":
        return f"{re.escape(chr(given[0]))}-{re.escape(chr(given[1]))}"
    if name == "CATEGORY":
        return {"CATEGORY_DIGIT": r"\d", "CATEGORY_SPACE": r"\s", "CATEGORY_WORD": r"\w"}[str(given)]
    return re.escape(chr(given))


# -- changes ---------------------------------------------------------------------------------------------------------


def _with(value: JSON, path: Path, change: JSON) -> JSON:
    """A copy with another value at a place, or without it."""
    if not path:
        return value if change is _ABSENT else change
    found = copy.deepcopy(value)
    place = found
    for step in path[:-1]:
        place = place[step]
    if change is _ABSENT:
        del place[path[-1]]
    else:
        place[path[-1]] = change
    return found
