"""What one side may produce: a schema unfolded into alternatives, each a conjunction of plain schemas.

Unfolding may only ever make the set larger (a keyword that is left out of account excludes less than it says). A proof
that all of it is accepted then holds; where it fails, ``opaque`` says what was left out of account.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

import jsonschema_rs

from ipaas.contracts.compatibility.nodes import Node, exact, is_annotation, key_of, linear, nodes_of, synthetic
from ipaas.core.document_forms import pointer

ATOMS = frozenset({"null", "boolean", "integer", "fraction", "string", "array", "object"})
NUMBERS = frozenset({"integer", "fraction"})
OF_TYPE: dict[str, frozenset[str]] = {name: frozenset({name}) for name in ATOMS - {"fraction"}} | {"number": NUMBERS}
ATOM_SCHEMAS = {atom: synthetic({"type": atom}) for atom in ATOMS - NUMBERS} | {
    "integer": synthetic({"type": "integer"}),
    "fraction": synthetic({"type": "number"}),
}
MOST_ALTERNATIVES = 64
MOST_BRANCHES = 24
OPAQUE = frozenset({
    "not", "if", "dependentSchemas", "$dynamicRef", "$recursiveRef", "unevaluatedItems", "contains", "propertyNames",
    "dependentRequired",
})  # fmt: skip
MAY_DECLARE = frozenset({"if", "dependentSchemas", "$dynamicRef", "$recursiveRef"})
KNOWN = frozenset({
    "type", "enum", "const", "required", "properties", "patternProperties", "additionalProperties", "items",
    "prefixItems", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength",
    "maxLength", "pattern", "format", "minItems", "maxItems", "uniqueItems", "minContains", "maxContains",
    "minProperties", "maxProperties", "allOf", "anyOf", "oneOf", "$ref", "then", "else", "unevaluatedProperties",
})  # fmt: skip

End = tuple[Fraction, bool]


def atoms_of_value(value: Any) -> str:
    """The type of a value; a number without a fraction is an integer, however it is written."""
    if value is None or isinstance(value, bool | str | list | Mapping):
        names = {type(None): "null", bool: "boolean", str: "string", list: "array"}
        return names.get(type(value), "object")
    number = exact(value)
    return "integer" if number is None or number.denominator == 1 else "fraction"


def atoms_of_type(value: Any) -> frozenset[str]:
    """The types that the keyword ``type`` names."""
    names: list[str] = [value] if isinstance(value, str) else value
    return frozenset(atom for name in names for atom in OF_TYPE.get(name, frozenset()))


@dataclass(frozen=True, slots=True)
class NumberSet:
    """The multiples of ``step`` (every number without one) between two ends."""

    low: Fraction | None
    low_open: bool
    high: Fraction | None
    high_open: bool
    step: Fraction | None

    @property
    def empty(self) -> bool:
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def values(self, most: int) -> list[Fraction] | None:
        """Its members, None when they are more than ``most``."""
        if self.empty:
            return []
        if self.low is None or self.high is None:
            return None
        if self.step is None:
            return [self.low] if self.low == self.high else None
        count = int((self.high - self.low) / self.step) + 1
        return [self.low + self.step * number for number in range(count)] if count <= most else None


class Alternative:
    """Values that satisfy every one of ``nodes``, whose references, allOf and chosen branches are unfolded."""

    def __init__(self, nodes: Sequence[Node], opaque: Sequence[str] = ()) -> None:
        self.nodes = tuple(nodes)
        self.opaque = tuple(opaque)

    def each(self, keyword: str) -> Iterator[tuple[Node, Any]]:
        """The nodes that have a keyword, with its value."""
        for node in self.nodes:
            if keyword in node.schema:
                yield node, node.schema[keyword]

    def has(self, keyword: str) -> bool:
        return any(keyword in node.schema for node in self.nodes)

    @cached_property
    def atoms(self) -> frozenset[str]:
        """The types that a value may have."""
        found = ATOMS
        for node in self.nodes:
            if "type" in node.schema:
                found &= atoms_of_type(node.schema["type"])
        if self.listed is not None:
            found &= frozenset(atoms_of_value(one) for one in self.listed)
        if "fraction" in found and any(
            (exact(one) or Fraction(1, 2)).denominator == 1 for _n, one in self.each("multipleOf")
        ):
            found -= {"fraction"}
        return found

    @cached_property
    def listed(self) -> list[Any] | None:
        """The values that enum and const leave, None where neither is given."""
        found: dict[object, Any] | None = None
        for node in self.nodes:
            for keyword in ("const", "enum"):
                if keyword not in node.schema:
                    continue
                given = [node.schema["const"]] if keyword == "const" else node.schema["enum"]
                values = {key_of(one): one for one in given}
                found = values if found is None else {key: one for key, one in found.items() if key in values}
        return None if found is None else list(found.values())

    @cached_property
    def finite(self) -> list[Any] | None:
        """All values there are, before the other keywords sort some out; None where they are not counted."""
        if self.listed is not None:
            return [one for one in self.listed if atoms_of_value(one) in self.atoms]
        if self.atoms <= {"null", "boolean"}:
            names: dict[str, list[Any]] = {"null": [None], "boolean": [True, False]}
            return [value for atom in sorted(self.atoms) for value in names[atom]]
        return None

    # -- numbers ---------------------------------------------------------------------------------------------------

    @cached_property
    def numbers(self) -> NumberSet | None:
        """Exactly the numbers that are left; None where one of the keywords can not be computed with."""
        lows, highs = list[End](), list[End]()
        step = None if "fraction" in self.atoms else Fraction(1)
        for keyword in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"):
            for _node, value in self.each(keyword):
                number = exact(value)
                if number is None:
                    return None
                (lows if keyword.endswith("inimum") else highs).append((number, keyword.startswith("exclusive")))
        for _node, value in self.each("multipleOf"):
            number = exact(value)
            if not number:
                return None
            step = number if step is None else _common(step, number)
        low: tuple[Fraction | None, bool] = max(lows) if lows else (None, False)
        high: tuple[Fraction | None, bool] = (
            min(highs, key=lambda end: (end[0], not end[1])) if highs else (None, False)
        )
        if step is None:
            return NumberSet(low[0], low[1], high[0], high[1], None)
        first, last = low[0], high[0]
        if first is not None:
            first = (math.floor(first / step) + 1 if low[1] else math.ceil(first / step)) * step
        if last is not None:
            last = (math.ceil(last / step) - 1 if high[1] else math.floor(last / step)) * step
        return NumberSet(first, False, last, False, step)

    # -- sizes -----------------------------------------------------------------------------------------------------

    def least(self, keyword: str) -> Fraction:
        return max((exact(one) or Fraction(0) for _node, one in self.each(keyword)), default=Fraction(0))

    def most(self, keyword: str) -> Fraction | None:
        return min(
            (one for one in (exact(given) for _node, given in self.each(keyword)) if one is not None), default=None
        )

    # -- objects ---------------------------------------------------------------------------------------------------

    @cached_property
    def required(self) -> frozenset[str]:
        return frozenset(name for _node, names in self.each("required") for name in names)

    @cached_property
    def declared(self) -> dict[str, None]:
        """The names of properties that are written down, in order."""
        return {name: None for _node, names in self.each("properties") for name in names}

    @cached_property
    def patterns(self) -> list[tuple[str, Node]]:
        return [
            (pattern, node.child("patternProperties", pattern))
            for node, found in self.each("patternProperties")
            for pattern in found
        ]

    @cached_property
    def undeclared(self) -> tuple[Node, ...]:
        """What properties must be that no node writes down and no pattern takes."""
        found = [node.child("additionalProperties") for node, _value in self.each("additionalProperties")]
        unevaluated = list(self.each("unevaluatedProperties"))
        if self._sees_everything and not found and all(value is False for _node, value in unevaluated):
            found += [node.child("unevaluatedProperties") for node, _value in unevaluated]
        return tuple(found)

    @property
    def _sees_everything(self) -> bool:
        return not any(keyword in node.schema for node in self.nodes for keyword in MAY_DECLARE)

    @property
    def silent(self) -> bool:
        """Whether it writes properties down and says nothing of others."""
        return (
            bool(self.declared)
            and self._sees_everything
            and not (self.has("additionalProperties") or self.has("unevaluatedProperties"))
        )

    def property(self, name: str) -> tuple[Node, ...]:
        """What the property of a name must be, in this and (through patterns and the rest) in every node."""
        found: list[Node] = []
        for node in self.nodes:
            covered = False
            if name in (node.get("properties") or ()):
                found.append(node.child("properties", name))
                covered = True
            for pattern in node.get("patternProperties") or ():
                if matches(pattern, name):
                    found.append(node.child("patternProperties", pattern))
                    covered = True
            if not covered and "additionalProperties" in node.schema:
                found.append(node.child("additionalProperties"))
        if name not in self.declared and not any(matches(pattern, name) for pattern, _node in self.patterns):
            found += [one for one in self.undeclared if one.schema is False and one not in found]
        return tuple(found)

    # -- lists -----------------------------------------------------------------------------------------------------

    @cached_property
    def prefix(self) -> int:
        """After how many items all others are treated alike."""
        return max((len(one) for _node, one in self.each("prefixItems")), default=0)

    def item(self, number: int) -> tuple[Node, ...]:
        """What the item at a place must be."""
        found = []
        for node in self.nodes:
            prefix = node.get("prefixItems") or ()
            if number < len(prefix):
                found.append(node.child("prefixItems", number))
            elif "items" in node.schema:
                found.append(node.child("items"))
        return tuple(found)

    @cached_property
    def longest(self) -> Fraction | None:
        """The most items a list can have."""
        limits = [self.most("maxItems")]
        limits += [Fraction(len(node.get("prefixItems") or ())) for node, value in self.each("items") if value is False]
        return min((one for one in limits if one is not None), default=None)

    def same_keyword(self, node: Node, keyword: str) -> bool:
        """Whether one of the nodes says the same under a keyword."""
        return self.same_group(node, (keyword,))

    def same_group(self, node: Node, keywords: Sequence[str]) -> bool:
        """Whether one single node says the same under all of the keywords that ``node`` has."""
        ends = [pointer(one) for one in keywords if one in node.schema]
        return any(
            all(one.book.alike(one.pointer + end, node.book, node.pointer + end) for end in ends) for one in self.nodes
        )


def _common(one: Fraction, other: Fraction) -> Fraction:
    return Fraction(math.lcm(one.numerator, other.numerator), math.gcd(one.denominator, other.denominator))


def matches(pattern: str, name: str) -> bool:
    """Whether a name matches a pattern, as the validator matches (linear time)."""
    return bool(_pattern(pattern).is_valid(name))


@lru_cache(maxsize=4096)
def _pattern(pattern: str) -> Any:
    return jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=linear())


# -- unfolding -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _State:
    """A conjunction being unfolded: nodes done, unions still to choose from, what is left out of account."""

    nodes: dict[tuple[int, str], Node]
    unions: list[list[list[Node]]]
    opaque: list[str]

    def add(self, nodes: Sequence[Node]) -> bool:
        """Unfold references and allOf; False when nothing can satisfy it."""
        todo = list(nodes)
        while todo:
            node = todo.pop()
            if node.schema is False:
                return False
            if node.key in self.nodes or node.schema is True:
                continue
            self.nodes[node.key] = node
            self._look(node)
            if "$ref" in node.schema:
                target = node.book.target(node.schema["$ref"])
                todo += [target] if target is not None else []
                self.opaque += [] if target is not None else ["$ref"]
            todo += nodes_of(node.schema.get("allOf", ()), node, "allOf")
            self._choose(node)
        return True

    def _choose(self, node: Node) -> None:
        """Leave the unions of a node to be chosen from."""
        for keyword in ("anyOf", "oneOf"):
            if keyword in node.schema:
                branches = [[one] for one in nodes_of(node.schema[keyword], node, keyword)]
                self.unions.append(branches)
                if keyword == "oneOf" and not _exclusive(node):
                    self.opaque.append("oneOf")
        if "if" in node.schema and ("then" in node.schema or "else" in node.schema):
            held = [node.child(one) for one in ("if", "then") if one in node.schema]
            self.unions.append([held, [node.child("else")] if "else" in node.schema else []])

    def _look(self, node: Node) -> None:
        for keyword in node.schema:
            if keyword in OPAQUE or (keyword not in KNOWN and not is_annotation(keyword)):
                self.opaque.append(keyword)
        if node.schema.get("unevaluatedProperties", True) not in (True, False) or node.pointer in node.book.nested_ids:
            self.opaque.append("unevaluatedProperties" if "unevaluatedProperties" in node.schema else "$id")


def alternatives_of(nodes: Sequence[Node]) -> list[Alternative]:
    """The alternatives of a conjunction; [] when nothing satisfies it."""
    first = _State({}, [], [])
    states, done = [first] if first.add(nodes) else [], []
    while states:
        state = states.pop(0)
        if not state.unions:
            alternative = Alternative(tuple(state.nodes.values()), state.opaque)
            if not is_empty(alternative):
                done.append(alternative)
            continue
        union = state.unions.pop()
        if len(states) + len(done) + len(union) > MOST_ALTERNATIVES:
            state.opaque.append("anyOf")
            states.append(state)
            continue
        for branch in union:
            forked = _State(dict(state.nodes), list(state.unions), list(state.opaque))
            if forked.add(branch) and not is_empty(Alternative(tuple(forked.nodes.values()))):
                states.append(forked)
    return done


def _exclusive(node: Node) -> bool:
    """Whether no value satisfies two branches of a oneOf, so that it is the same as anyOf."""
    known = node.book.exclusive
    if node.pointer not in known:
        known[node.pointer] = False  # for a branch that leads back here
        branches = list(nodes_of(node.schema["oneOf"], node, "oneOf"))
        known[node.pointer] = len(branches) <= MOST_BRANCHES and not any(
            alternatives_of((one, other)) for number, one in enumerate(branches) for other in branches[:number]
        )
    return known[node.pointer]


def is_empty(alternative: Alternative, depth: int = 0) -> bool:
    """Whether it is proven that no value satisfies it; False where that is not seen."""
    atoms = alternative.atoms
    if not atoms or (alternative.listed is not None and not alternative.listed):
        return True
    if atoms <= NUMBERS:
        return alternative.numbers is not None and alternative.numbers.empty
    if atoms == {"string"}:
        longest = alternative.most("maxLength")
        return longest is not None and alternative.least("minLength") > longest
    if atoms == {"array"}:
        return alternative.longest is not None and alternative.least("minItems") > alternative.longest
    if atoms == {"object"} and depth < 3:
        most = alternative.most("maxProperties")
        if most is not None and len(alternative.required) > most:
            return True
        return any(_impossible(alternative.property(name), depth + 1) for name in alternative.required)
    return False


def _impossible(nodes: Sequence[Node], depth: int) -> bool:
    state = _State({}, [], [])
    if len(nodes) < 2 and not any(node.schema is False for node in nodes):
        return False
    return not state.add(nodes) or is_empty(Alternative(tuple(state.nodes.values())), depth)
