"""Defaults of parameters, those of definitions that a property refers to among them."""

from pathlib import Path
from typing import Any

import pytest

from ipaas.sdk.checking import check_folder
from ipaas.sdk.schemas import with_defaults


@pytest.mark.parametrize(
    ("property_", "found"),
    [
        ({"default": 3}, 3),
        ({"$ref": "#/definitions/size"}, 7),
        ({"$ref": "#/$defs/size"}, 8),
        ({"$ref": "#/definitions/chain"}, 7),
        ({"$ref": "#/definitions/size", "default": 1}, 1),
        ({"$ref": "#/definitions/ring"}, None),
        ({"$ref": "#/definitions/absent"}, None),
        ({"$ref": "https://else.example/size"}, None),
        (True, None),
    ],
)
def test_an_absent_property_has_the_default_of_what_it_refers_to(property_: Any, found: Any) -> None:
    ring = {"$ref": "#/definitions/ring"}
    definitions = {"size": {"default": 7}, "chain": {"$ref": "#/definitions/size"}, "ring": ring}
    schema = {"properties": {"a": property_}, "definitions": definitions, "$defs": {"size": {"default": 8}}}
    assert with_defaults(schema, {"b": 2}) == {"a": found, "b": 2}


def test_a_plain_word_with_a_question_mark_is_no_traceback(tmp_path: Path) -> None:
    """One YAML parser takes it in a flow mapping, another does not: both questions go to the same."""
    (tmp_path / "manifest.yaml").write_text("slug: x\nstub: {text: water?}\n")
    assert all(fault.message for fault in check_folder(tmp_path))
