from ipaas.contracts.validators import compile_schema
from ipaas.flows.form import flow_schema


def test_every_example_is_valid() -> None:
    definitions = flow_schema()["$defs"]
    for name, definition in definitions.items():
        validator = compile_schema({"$defs": definitions, "$ref": f"#/$defs/{name}"})
        assert not any(validator.errors(example) for example in definition.get("examples", ()))
