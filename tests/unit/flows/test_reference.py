from pathlib import Path

import pytest

from ipaas.contracts.validators import compile_schema
from ipaas.flows.form import flow_schema
from ipaas.flows.reference import pages

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


@pytest.mark.parametrize("name", sorted(pages()))
def test_the_reference_is_current(name: str) -> None:
    current = (REFERENCE / name).read_text("utf-8")
    assert current == pages()[name], "run: python -m ipaas.flows.reference docs/reference"


def undescribed(schema: object, path: str) -> list[str]:
    if isinstance(schema, list):
        return [one for number, part in enumerate(schema) for one in undescribed(part, f"{path}/{number}")]
    if not isinstance(schema, dict):
        return []
    properties = schema.get("properties", {})
    missing = [f"{path}/{name}" for name, part in properties.items() if "description" not in part]
    inner = {key: part for key, part in schema.items() if key not in ("examples", "properties")}
    parts = [*inner.items(), *properties.items()]
    return missing + [one for name, part in parts for one in undescribed(part, f"{path}/{name}")]


def test_every_key_is_described() -> None:
    assert undescribed(flow_schema(), "") == []


def test_every_example_is_valid() -> None:
    definitions = flow_schema()["$defs"]
    for name, definition in definitions.items():
        validator = compile_schema({"$defs": definitions, "$ref": f"#/$defs/{name}"})
        assert [validator.errors(example) for example in definition.get("examples", ())] in ([], [[]], [[], []])
