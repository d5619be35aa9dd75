"""A schema with everything that it refers to, as one that stands alone."""

from typing import Any

import pytest

from ipaas.contracts.bundling import MOST_LEVELS, MOST_SCHEMAS, Target, bundle, names_in, pinned, slugs_in, whole_of
from ipaas.contracts.compatibility import check
from ipaas.contracts.validators import compile_schema, sensitive_paths

ADDRESS = {
    "$id": "https://x.example/address.json",
    "type": "object",
    "required": ["country"],
    "properties": {
        "country": {"$ref": "country@1"},
        "zip": {"$ref": "#zip"},
        "billing": {"$ref": "#"},
        "old_zip": {"$ref": "address.json#/$defs/zip"},
    },
    "$defs": {"zip": {"$anchor": "zip", "type": "string", "maxLength": 5, "x-sensitive": "personal"}},
}
PUBLISHED: dict[str, Any] = {
    "country@1": {"enum": ["DE", "FR"]},
    "address@1": ADDRESS,
    "nested@1": {"$defs": {"a": {"$id": "inner", "type": "string"}}},
    "dynamic@1": {"$dynamicAnchor": "here", "items": {"$dynamicRef": "#here"}},
    "back@1": {"properties": {"order": {"$ref": "order@1"}}},
    "order@1": {},
    "old@1": {},
    "gone@1": {},
    "lost@1": {"$ref": "nowhere@1"},
}
STATES = {"old@1": "deprecated", "gone@1": "retired"}


def load(reference: str) -> Target | None:
    name = reference if "@" in reference else f"{reference}@1"
    slug = name.partition("@")[0]
    found = PUBLISHED.get(name)
    return None if found is None else Target(name, {"slug": slug, "schema": found}, STATES.get(name, "published"))


def document(schema: Any, **more: Any) -> dict[str, Any]:
    return {"kind": "schema", "slug": "order", "title": "Order", "schema": schema, **more}


def test_what_is_referred_to_judges_values_as_it_does_alone() -> None:
    content = document(
        {
            "$id": "https://x.example/order.json",
            "type": "object",
            "properties": {
                "ship_to": {"$ref": "to/address.json", "description": "beside a reference"},
                "zip": {"$ref": "address@1#zip"},
                "country": {"$ref": "country"},
                "own": {"$ref": "#/$defs/own"},
                "enum": {"enum": [{"$ref": "country"}]},
                "const": {"$ref": "https://x.example/to/address.json#/$defs/zip"},
            },
            "$defs": {"own": {"type": "integer"}},
        },
        references={"to/address.json": "address"},
    )
    made = bundle(content, load)
    assert made.findings == []
    assert made.pins == {"to/address.json": "address@1", "address@1": "address@1", "country": "country@1"}
    assert set(made.schema["$defs"]) == {"own", "address@1", "country@1"}
    validator = compile_schema(made.schema)
    good = {
        "ship_to": {"country": "DE", "zip": "10115", "billing": {"country": "FR"}, "old_zip": "1"},
        "zip": "1",
        "country": "FR",
        "own": 3,
        "enum": {"$ref": "country"},
        "const": "1",
    }
    assert validator.errors(good) == []
    bad = {
        "ship_to": {"country": "XX", "zip": "123456", "billing": {}, "old_zip": "123456"},
        "zip": "123456",
        "country": 1,
        "own": "x",
        "enum": "country",
        "const": "123456",
    }
    assert {one["path"] for one in validator.errors(bad)} == {
        *(f"/ship_to/{name}" for name in ("country", "zip", "billing", "old_zip")),
        *(f"/{name}" for name in ("zip", "country", "own", "enum", "const")),
    }
    assert ("ship_to.zip", "personal") in set(sensitive_paths(made.schema))


def test_pinning_writes_numbers_where_none_are_and_leaves_names_alone() -> None:
    schema = {"properties": {"a": {"$ref": "address#/$defs/zip"}, "b": {"$ref": "country@1"}, "c": {"$ref": "c.json"}}}
    settled = pinned(document(schema, references={"c.json": "country"}), load)
    places = {name: one["$ref"] for name, one in settled["schema"]["properties"].items()}
    assert places == {"a": "address@1#/$defs/zip", "b": "country@1", "c": "c.json"}
    assert settled["references"] == {"c.json": "country@1"}
    assert pinned(settled, load) == settled
    assert names_in(settled) == {"address@1": "address@1", "country@1": "country@1", "c.json": "country@1"}
    assert slugs_in(settled) == {"address", "country"}


def test_a_schema_without_references_stays_the_very_same() -> None:
    schema = {
        "$id": "https://x.example/order.json",
        "$ref": "order.json#/$defs/a",
        "$defs": {
            "a": {"$ref": "https://json-schema.org/draft/2020-12/schema"},
            "b": {"$id": "parts/b.json", "properties": {"c": {"$ref": "c.json"}}},
            "c": {"$id": "parts/c.json", "type": "string"},
        },
    }
    made = bundle(document(schema), load)
    assert made.schema is schema
    assert (made.findings, made.pins) == ([], {})


REFUSED = [
    ({"items": {"$ref": "nowhere"}}, "/schema/items/$ref", "schema.unknown", "there is no published schema 'nowhere'"),
    ({"$ref": "gone@1"}, "/schema/$ref", "schema.unknown", "or it is retired"),
    ({"$ref": "../x.json"}, "/schema/$ref", "schema.reference", "nothing is called '../x.json'"),
    ({"$ref": "https://[x"}, "/schema/$ref", "schema.reference", "nothing is called 'https://[x'"),
    ({"$ref": "order@1"}, "/schema", "schema.circle", "order → order@1"),
    ({"$ref": "back"}, "/schema", "schema.circle", "order → back@1 → order@1"),
    ({"$ref": "nested"}, "/schema", "schema.obstacle", "nested@1 can not be referred to: /$defs/a has a $id"),
    ({"$ref": "dynamic"}, "/schema", "schema.obstacle", "dynamic reference"),
    ({"$ref": "lost"}, "/schema", "schema.unknown", "'nowhere@1' (order → lost@1)"),
    ({"$ref": "country", "$defs": {"country@1": {}}}, "/schema/$defs/country@1", "schema.reference", "taken"),
    ({"$ref": "country", "$defs": {"x": {"$id": "x"}}}, "/schema/$ref", "schema.obstacle", "/$defs/x has a $id"),
]


@pytest.mark.parametrize(("schema", "path", "code", "words"), REFUSED)
def test_what_can_not_be_followed_is_refused_with_its_place(schema: Any, path: str, code: str, words: str) -> None:
    (finding,) = bundle(document(schema), load).findings
    assert (finding.path, finding.code) == (path, code)
    assert words in finding.message


def test_a_deprecated_one_is_a_warning_and_a_name_that_nobody_uses_must_be_there_too() -> None:
    (finding,) = bundle(document({"$ref": "old"}), load).findings
    assert (finding.code, finding.severity) == ("schema.deprecated", "warning")
    (finding,) = bundle(document({}, references={"a/b": "nowhere"}), load).findings
    assert (finding.path, finding.code) == ("/references/a~1b", "schema.unknown")


def test_chains_and_crowds_have_an_end() -> None:
    def chain(reference: str) -> Target:
        slug, _, number = reference.partition("@")
        return Target(f"{slug}@{number or 1}", {"schema": {"$ref": f"a{int(slug[1:]) + 1}"}})

    (finding,) = bundle(document({"$ref": "a1"}), chain).findings
    assert finding.code == "schema.too_many"
    assert f"{MOST_LEVELS} deep" in finding.message

    def crowd(reference: str) -> Target:
        return Target(f"{reference.partition('@')[0]}@1", {"schema": True})

    many = {"allOf": [{"$ref": f"a{number}"} for number in range(MOST_SCHEMAS + 1)]}
    assert bundle(document(many), crowd).findings[0].code == "schema.too_many"
    large = {"$ref": "a", "description": "x" * 1_000_001}
    assert bundle(document(large), crowd).findings[0].code == "schema.too_large"


@pytest.mark.parametrize(
    "content", [None, 3, {}, {"schema": 3}, {"schema": {"$ref": 3, "$defs": []}, "references": [1]}]
)
def test_drafts_of_any_form_do_no_harm(content: Any) -> None:
    assert slugs_in(content) == set()
    whole_of(content, load)


def test_compatibility_looks_through_references() -> None:
    one = bundle(document({"properties": {"to": {"$ref": "country"}}}), load).schema
    looser = Target("country@2", {"schema": {"enum": ["DE", "FR", "IT"]}})
    two = bundle(document({"properties": {"to": {"$ref": "country"}}}), lambda _name: looser).schema
    assert check(one, two, "backward").state == "compatible"
    (problem,) = check(one, two, "forward").problems
    assert problem.place == "to"
