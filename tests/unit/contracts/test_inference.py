import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipaas.contracts.inference import infer, read_samples
from ipaas.contracts.validators import compile_schema, sensitive_paths
from ipaas.core.errors import InvalidInput
from tests.unit.contracts.schema_pairs import value

ORDERS = [
    {
        "id": f"o-{number}",
        "state": ["new", "paid"][number % 2],
        "total": 10 if number % 2 else 9.5,
        "at": "2026-01-05T10:00:00Z",
        "customer": {"email": f"c{number}@shop.example", "phone": "+49 30 1234567", "lastName": "Meier"},
        "iban": "DE89 3704 0044 0532 0130 00",
        "paid_with": "4111 1111 1111 1111",
        "lines": [{"sku": f"s{number}", "note": None}],
        **({"gift": True} if number % 3 else {}),
    }
    for number in range(24)
]


def test_types_presence_formats_and_few_values_are_seen() -> None:
    found = infer(ORDERS).schema
    properties = found["properties"]
    assert "gift" not in found["required"]
    assert {"id", "state", "total", "customer"} <= set(found["required"])
    assert properties["state"] == {"type": "string", "enum": ["new", "paid"]}
    assert properties["total"] == {"type": "number"}
    assert properties["at"] == {"type": "string", "format": "date-time"}
    assert properties["id"] == {"type": "string"}
    assert properties["lines"]["items"]["properties"]["note"] == {"type": "null"}


def test_sensitive_places_are_guessed_and_only_marked_when_confirmed() -> None:
    found = infer(ORDERS)
    labels = {one.place: one.label for one in found.guesses}
    assert labels == {
        "customer.email": "personal", "customer.phone": "personal", "customer.lastName": "personal",
        "iban": "payment", "paid_with": "payment",
    }  # fmt: skip
    assert not list(sensitive_paths(found.schema))
    marked = found.with_classes(one.path for one in found.guesses if one.place != "customer.phone")
    assert dict(sensitive_paths(marked)) == {
        place: label for place, label in labels.items() if place != "customer.phone"
    }


def test_many_rare_names_are_a_map() -> None:
    samples = [{f"sku-{10 * number + part}": {"count": part} for part in range(3)} for number in range(30)]
    found = infer(samples).schema
    assert "properties" not in found
    assert found["additionalProperties"]["properties"] == {"count": {"type": "integer"}}


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_every_sample_satisfies_the_schema(seed: int) -> None:
    random = Random(seed)
    samples = [value(random) for _ in range(random.randint(1, 30))]
    validator = compile_schema(infer(samples).schema)
    assert [one for one in samples if not validator.is_valid(one)] == []


def test_samples_are_one_value_a_list_or_lines() -> None:
    assert read_samples('{"a": 1}') == [{"a": 1}]
    assert read_samples('[{"a": 1}, {"a": 2}]') == [{"a": 1}, {"a": 2}]
    assert read_samples('{"a": 1}\n\n{"a": 2}\n') == [{"a": 1}, {"a": 2}]
    for text, word in (("", "samples"), ('{"a": 1}\n{"a"', "line 2"), ("[]", "1 to")):
        with pytest.raises(InvalidInput, match=word):
            infer(read_samples(text))
    assert json.dumps(infer([[]]).schema)
