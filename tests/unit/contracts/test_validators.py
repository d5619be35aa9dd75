from decimal import Decimal

import pytest

from ipaas.contracts.document import validate
from ipaas.contracts.validators import compile_schema, schema_problems, sensitive_paths
from tests.factories.flow_documents import schema


def test_errors_name_place_and_keyword_but_never_the_value() -> None:
    compiled = compile_schema(schema()["schema"])
    errors = compiled.errors({"id": "x", "email": 4_111_111_111_111_111})
    assert [(error["path"], error["keyword"]) for error in errors] == [("/email", "type")]
    assert "4111" not in errors[0]["message"]
    assert compiled.errors({"id": "x"}) == []


def test_decimals_are_checked_exactly() -> None:
    compiled = compile_schema({"type": "number", "multipleOf": 0.01})
    assert compiled.is_valid(Decimal("1.10"))
    assert not compiled.is_valid(Decimal("1.101"))


def test_formats_are_checked() -> None:
    assert not compile_schema({"type": "string", "format": "date-time"}).is_valid("yesterday")


@pytest.mark.parametrize(
    "broken",
    [
        {"type": "foo"},
        {"pattern": "("},
        {"pattern": "(?=a)"},
        {"$ref": "#/nope"},
        {"$ref": "http://example.com/schema"},
        {"$ref": "file:///etc/passwd"},
        5,
    ],
)
def test_schemas_that_can_not_be_compiled_are_explained(broken: object) -> None:
    found = schema_problems(broken, "/schema")
    assert found
    assert found[0].path.startswith("/schema")


def test_sensitive_places_are_found_through_references_and_lists() -> None:
    tree = {
        "$defs": {"person": {"properties": {"name": {"x-sensitive": "personal"}, "boss": {"$ref": "#/$defs/person"}}}},
        "properties": {
            "customer": {"$ref": "#/$defs/person"},
            "lines": {"items": {"properties": {"note": {"x-sensitive": "confidential"}}}},
        },
        "allOf": [{"properties": {"iban": {"x-sensitive": "payment"}}}],
    }
    assert dict(sensitive_paths(tree)) == {
        "customer.name": "personal",
        "lines.*.note": "confidential",
        "iban": "payment",
    }


def test_examples_must_satisfy_the_schema() -> None:
    assert validate(schema(examples=[{"id": "x"}])) == []
    found = validate(schema(examples=[{"id": "x"}, {"id": 5}]))
    assert [finding.path for finding in found] == ["/examples/1/id"]


def test_a_schema_that_unfolds_without_end_is_refused() -> None:
    definitions = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
    bomb = {"$defs": {**definitions, "d40": {"type": "string"}}, "$ref": "#/$defs/d0"}
    assert [finding.code for finding in schema_problems(bomb)] == ["schema.invalid"]
