"""What people see of a schema: members of objects, of lists, of schemas made of others, and plain values."""

from typing import Any

import pytest

from ipaas.web.pages.schema_members import described

ITEM = {
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "integer"}, "of": {"$ref": "#/definitions/I"}},
}
DEFINITIONS = {"I": ITEM}


@pytest.mark.parametrize(
    ("schema", "names"),
    [
        ({"$ref": "#/definitions/I"}, ["id*", "of", "of.id*", "of.of", "of.of.id*", "of.of.of"]),
        ({"type": "array", "items": {"properties": {"a": {}}}}, ["[].a"]),
        ({"properties": {"list": {"type": "array", "items": {"properties": {"a": {}}}}}}, ["list", "list[].a"]),
        ({"allOf": [{"required": ["a"], "properties": {"a": {}}}, {"properties": {"b": {}}}]}, ["a*", "b"]),
        ({"oneOf": [{"required": ["a"], "properties": {"a": {}}}, {"properties": {"b": {}}}]}, ["a", "b"]),
        ({"type": "string"}, ["*"]),
        ({"type": "array"}, []),
        ({}, []),
        (None, []),
    ],
)
def test_members(schema: Any, names: list[str]) -> None:
    whole = schema | {"definitions": DEFINITIONS} if schema else schema
    assert [one["name"] + "*" * one["required"] for one in described(whole)] == names


def test_only_so_many() -> None:
    assert len(described({"properties": {f"m{n}": {} for n in range(90)}})) == 60


def test_forms_inside_forms_end() -> None:
    wide = {"oneOf": [{"$ref": "#/definitions/W"}] * 60, "properties": {"a": {}}}
    assert described({"$ref": "#/definitions/W", "definitions": {"W": wide}})[0]["name"] == "a"
