from typing import Any

from ipaas.core.errors import ErrorClass
from ipaas.flows.form import flow_schema
from ipaas.policies.schema import STEP_SCHEMA


def without_words(schema: Any) -> Any:
    """A schema without what only people read; an empty ``required`` says nothing."""
    if isinstance(schema, list):
        return [without_words(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    silent = ("description", "title", "examples", "minProperties", "$schema", "$id")
    return {key: without_words(part) for key, part in schema.items() if key not in silent and part != []}


def test_the_policy_of_a_step_is_the_policy_that_the_pipeline_reads() -> None:
    assert without_words(flow_schema()["$defs"]["policy"]) == without_words(dict(STEP_SCHEMA))


def test_every_error_class_is_known_to_the_document() -> None:
    definitions = flow_schema()["$defs"]
    classes = {error_class.value for error_class in ErrorClass}
    assert set(definitions["error_class"]["enum"]) == classes
    assert set(definitions["failure"]["properties"]) == classes | {"default"}
