"""What the checker says of single changes, and that it stays quick and honest under attack."""

import json
from typing import Any

import pytest

from ipaas.accounts.workspace_settings import COMPATIBILITY
from ipaas.contracts.compatibility import MODES, Verdict, check, versions_to_check

TEXT = {"type": "string"}


def obj(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def closed(**properties: Any) -> dict[str, Any]:
    return {**obj(**properties), "additionalProperties": False}


def tagged(kind: str) -> dict[str, Any]:
    return {**closed(kind={"const": kind}, note=TEXT), "required": ["kind"]}


# old, new, backward, forward
CASES: dict[str, tuple[Any, Any, str, str]] = {
    "same": (obj(a=TEXT), {**obj(a=TEXT), "title": "other words"}, "compatible", "compatible"),
    "property added to a closed object": (closed(a=TEXT), closed(a=TEXT, b=TEXT), "compatible", "incompatible"),
    "property added to an open object": (obj(a=TEXT), obj(a=TEXT, b=TEXT), "incompatible", "compatible"),
    "property required": (obj(a=TEXT), {**obj(a=TEXT), "required": ["a"]}, "incompatible", "compatible"),
    "number instead of integer": ({"type": "integer"}, {"type": "number"}, "compatible", "incompatible"),
    "integer by multipleOf": ({"type": "number", "multipleOf": 2}, {"type": "integer"}, "compatible", "incompatible"),
    "null allowed": (TEXT, {"type": ["string", "null"]}, "compatible", "incompatible"),
    "one value more": ({"enum": ["a"]}, {"enum": ["a", "b"]}, "compatible", "incompatible"),
    "const of an enum": ({"enum": [1, 2]}, {"const": 1.0}, "incompatible", "compatible"),
    "all booleans": ({"type": "boolean"}, {"enum": [True, False]}, "compatible", "compatible"),
    "few integers": ({"type": "integer", "minimum": 1, "maximum": 2}, {"enum": [1, 2]}, "compatible", "compatible"),
    "exclusive end of integers": (
        {"type": "integer", "exclusiveMinimum": 0}, {"type": "integer", "minimum": 1}, "compatible", "compatible",
    ),
    "steps": ({"multipleOf": 0.01}, {"multipleOf": 0.005}, "compatible", "incompatible"),
    "shorter": ({**TEXT, "maxLength": 5}, {**TEXT, "maxLength": 4}, "incompatible", "compatible"),
    "pattern against pattern": ({**TEXT, "pattern": "^a+$"}, {**TEXT, "pattern": "^a*$"}, "undecided", "incompatible"),
    "wider format": ({**TEXT, "format": "email"}, {**TEXT, "format": "idn-email"}, "compatible", "incompatible"),
    "unknown format": (TEXT, {**TEXT, "format": "int64"}, "compatible", "compatible"),
    "items": (
        {"type": "array", "items": TEXT},
        {"type": "array", "items": {"type": ["string", "null"]}}, "compatible", "incompatible",
    ),
    "tuple": (
        {"type": "array", "prefixItems": [TEXT, TEXT], "items": False}, {"type": "array", "items": TEXT, "maxItems": 2},
        "compatible", "compatible",
    ),
    "unique": ({"type": "array"}, {"type": "array", "uniqueItems": True}, "incompatible", "compatible"),
    "contains": (
        {"type": "array", "contains": {"const": 1}},
        {"type": "array", "contains": {"type": "integer"}}, "compatible", "undecided",
    ),
    "one of two": (TEXT, {"anyOf": [TEXT, {"type": "null"}]}, "compatible", "incompatible"),
    "type list and branches": (
        {"type": ["string", "null"]}, {"oneOf": [TEXT, {"type": "null"}]}, "compatible", "compatible",
    ),
    "tagged branch added": (
        {"oneOf": [tagged("a")]}, {"oneOf": [tagged("a"), tagged("b")]}, "compatible", "incompatible",
    ),
    "composed and closed": (
        {"allOf": [obj(a=TEXT)], **obj(b=TEXT), "unevaluatedProperties": False}, closed(a=TEXT, b=TEXT),
        "compatible", "compatible",
    ),
    "named properties by pattern": (
        closed(xa=TEXT), {"type": "object", "patternProperties": {"^x": TEXT}, "additionalProperties": False},
        "compatible", "incompatible",
    ),
    "unevaluated beside other items": (
        {"items": TEXT, "unevaluatedItems": False}, {"unevaluatedItems": False}, "undecided", "undecided",
    ),
    "through a reference": (
        {"$ref": "#/$defs/a", "$defs": {"a": {"type": "integer"}}},
        {"$ref": "#/$defs/b", "$defs": {"b": {"type": "number"}}},
        "compatible", "incompatible",
    ),
    "nothing was possible": (False, TEXT, "compatible", "incompatible"),
    "everything is possible": (TEXT, True, "compatible", "incompatible"),
    "excluded": (TEXT, {"not": TEXT}, "incompatible", "incompatible"),
    "both ways of if": (TEXT, {"if": {"minLength": 3}, "then": TEXT, "else": TEXT}, "compatible", "compatible"),
    "one way of if": (TEXT, {"if": {"minLength": 3}, "then": False}, "undecided", "undecided"),
    "unknown keyword": (TEXT, {**TEXT, "discriminator": {"x": 1}}, "undecided", "compatible"),
    "own note": (TEXT, {**TEXT, "x-sensitive": "personal"}, "compatible", "compatible"),
    "dynamic reference": (
        obj(a=TEXT), {"$dynamicAnchor": "n", "properties": {"a": {"$dynamicRef": "#n"}}}, "undecided", "incompatible",
    ),
    "reference to elsewhere": (TEXT, {"$ref": "https://shop.example/s.json"}, "undecided", "undecided"),
    "unevaluated beside branches": (
        obj(a=TEXT), {"anyOf": [obj(a=TEXT)], "unevaluatedProperties": False}, "undecided", "compatible",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_single_changes(name: str) -> None:
    old, new, backward, forward = CASES[name]
    assert (check(old, new, "backward").state, check(old, new, "forward").state) == (backward, forward)
    full = check(old, new, "full").state
    assert full == next(one for one in ("incompatible", "undecided", "compatible") if one in (backward, forward))


def test_each_problem_says_what_where_who_and_what_to_do() -> None:
    old = obj(customer={**closed(email=TEXT), "required": ["email"]})
    new = obj(customer=closed(email={**TEXT, "maxLength": 20}, phone=TEXT))
    problems = {(one.place, one.side): one for one in check(old, new, "full").problems}
    longer = problems["customer.email", "reader"]
    assert longer.path == "/properties/customer/properties/email"
    assert longer.words == "the new version allows at most 20 characters here, the old version lets longer texts pass"
    missing = problems["customer.email", "writer"]
    assert missing.words == "the old version requires “email”, data of the new version may come without it"
    assert missing.advice == "Keep it required until no reader of the old version is left."
    assert problems["customer.phone", "writer"].code == "forbidden"


def test_what_writers_do_not_send_is_said() -> None:
    verdict = check(obj(a=TEXT), obj(a=TEXT, b={"type": "integer"}), "full", undeclared="absent")
    assert verdict == Verdict("compatible", (), ("b",))
    free, explicit = {"type": "object"}, {**obj(a=TEXT), "additionalProperties": True}
    for old in (free, explicit):
        assert check(old, obj(a=TEXT, b={"type": "integer"}), "backward", undeclared="absent").state == "incompatible"


def test_recursive_schemas_are_compared() -> None:
    def tree(value: Any) -> dict[str, Any]:
        node = closed(value=value, next={"anyOf": [{"type": "null"}, {"$ref": "#/$defs/node"}]})
        return {"$ref": "#/$defs/node", "$defs": {"node": node}}

    assert check(tree({"type": "integer"}), tree({"type": "number"}), "backward").state == "compatible"
    found = check(tree({"type": "number"}), tree({"type": "integer"}), "backward")
    assert (found.state, {one.place for one in found.problems}) == ("incompatible", {"value"})


def test_attacks_end_without_a_false_promise() -> None:
    doubling: dict[str, Any] = {"a0": TEXT}
    for number in range(1, 40):
        doubling[f"a{number}"] = {"allOf": [{"$ref": f"#/$defs/a{number - 1}"}] * 2}
    exponential = {"$ref": "#/$defs/a39", "$defs": doubling}
    branching = {"allOf": [{"anyOf": [obj(**{f"p{n}": TEXT}), obj(**{f"q{n}": TEXT})]} for n in range(40)]}
    endless = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}
    shorter = json.loads(json.dumps(exponential))
    shorter["$defs"]["a0"]["maxLength"] = 1
    listed = [f"v{number}" for number in range(20_000)]
    assert check(exponential, shorter, "backward").state == "incompatible"
    assert check(branching, {**branching, "required": ["p0"]}, "backward").state == "incompatible"
    assert check(endless, TEXT, "full").state != "compatible"
    assert check(TEXT, endless, "full").state != "compatible"
    assert check({"enum": listed}, {"enum": listed[:-1]}, "full").state == "incompatible"
    assert check({**TEXT, "pattern": "^(a+)+$"}, {**TEXT, "pattern": "^(a|aa)+$"}, "full").state == "undecided"
    assert check({"minimum": 1}, json.loads('{"minimum": 1e400000000}', parse_float=str), "full").state != "compatible"


def test_modes_say_which_versions_count() -> None:
    assert MODES == COMPATIBILITY
    assert versions_to_check("backward", [1, 3, 2]) == [3]
    assert versions_to_check("full_transitive", [1, 3, 2]) == [3, 2, 1]
    assert versions_to_check("none", [1]) == []
    with pytest.raises(ValueError, match="sideways"):
        check(TEXT, TEXT, "sideways")
