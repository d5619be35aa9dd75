import pytest

from ipaas.core.document_forms import read_document
from ipaas.flows.examples import ORDER_DOCUMENTS, example_text
from ipaas.flows.yaml_form import to_yaml


@pytest.mark.parametrize("name", ORDER_DOCUMENTS)
def test_writing_and_reading_gives_the_same_content_and_bytes(name: str) -> None:
    content = read_document(text=example_text(name)).content
    text = to_yaml(content)
    assert read_document(text=text).content == content
    assert to_yaml(read_document(text=text).content) == text


def test_the_order_of_keys_does_not_depend_on_the_input() -> None:
    content = {"steps": [{"stop": {"status": "failed"}, "id": "a"}], "slug": "x", "kind": "flow"}
    assert to_yaml(content) == to_yaml(dict(reversed(content.items())))
    assert to_yaml(content).startswith("kind: flow\nslug: x\nsteps:\n- id: a\n")


def test_free_parts_are_ordered_by_name_alone() -> None:
    content = {"kind": "schema", "schema": {"type": "object", "properties": {"zip": {}, "kind": {}}, "anyOf": []}}
    assert to_yaml(content).splitlines() == [
        "kind: schema",
        "schema:",
        "  anyOf: []",
        "  properties:",
        "    kind: {}",
        "    zip: {}",
        "  type: object",
    ]
