"""Tests of mappings in files, without a server: the command line as anyone's continuous integration calls it."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from ipaas.cli.main import main
from ipaas.core import yamlio

SCHEMA = """\
kind: schema
slug: order
title: Order
schema:
  type: object
  required: [id]
  properties:
    id: {type: string, minLength: 1}
    note: {type: [string, "null"]}
    status: {enum: [paid, open]}
    rate: {type: number, maximum: 0.19}
"""
MAPPING = """\
# how an order becomes a note
kind: mapping
slug: orders
title: Orders
source_schema: order@3
fields:
  id: source.id  # as it is
  note: {expr: source.note, default: none}
tests:
- name: a note
  input: {id: "1", note: hello}
  expect: {id: "1", note: hello}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for kind, name, text in (("schemas", "order", SCHEMA), ("mappings", "orders", MAPPING)):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / f"{name}.yaml").write_text(text)
    return tmp_path


def ipaas(*words: Any) -> Result:
    return CliRunner().invoke(main, ["mapping", *(str(word) for word in words)])


def test_a_folder_passes_and_says_what_is_not_reached(folder: Path) -> None:
    found = ipaas("test", folder, "--coverage")
    assert found.exit_code == 0
    assert "ok      a note\n" in found.output
    assert (
        "mappings/orders.yaml: 1 passed, 0 failed\n  reached: 75 % (2 of 2 fields, 1 of 2 branches)\n" in found.output
    )
    assert "  not reached: note: default\n1 mappings: 1 passed, 0 failed\n" in found.output
    assert ipaas("test", folder, "--min-coverage", 80).exit_code == 1
    assert ipaas("test", folder, "--min-coverage", 75).exit_code == 0


def test_a_failing_case_says_where_and_writes_junit(folder: Path) -> None:
    file = folder / "mappings" / "orders.yaml"
    file.write_text(MAPPING.replace('expect: {id: "1"', 'expect: {id: "2\\x07<b>"'))
    found = ipaas("test", file, "--junit", folder / "out" / "junit.xml")
    assert found.exit_code == 1
    assert 'FAILED  a note\n          /id: expected "2' in found.output
    suite = ElementTree.parse(folder / "out" / "junit.xml").getroot()[0]  # noqa: S314 - ours
    assert (suite.get("name"), suite.get("tests"), suite.get("failures"), suite.get("errors")) == (
        "orders",
        "1",
        "1",
        "0",
    )
    failure = suite[0][0]
    assert failure.get("message", "").startswith('/id: expected "2')
    told = json.loads(ipaas("test", file, "--json", "--coverage").stdout)
    assert told[0]["cases"][0]["differences"][0]["path"] == "/id"
    assert told[0]["coverage"]["percent"] == 75


def test_what_it_refers_to_is_found_beside_it(folder: Path) -> None:
    file = folder / "mappings" / "orders.yaml"
    file.write_text(MAPPING.replace('input: {id: "1"', 'input: {id: ""').replace('expect: {id: "1"', 'expect: {id: ""'))
    assert "note: the input breaks the schema: /id: " in ipaas("test", file).output
    (folder / "schemas" / "order@3.yaml").write_text(SCHEMA.replace(", minLength: 1", ""))
    assert "note:" not in ipaas("test", file).output.replace("a note", "")
    (folder / "schemas" / "order@3.yaml").unlink()
    (folder / "schemas" / "order.yaml").unlink()
    assert "the schema order@3 is not here" in ipaas("test", file).output


def test_wrong_documents_are_told_apart_from_failing_ones(folder: Path) -> None:
    file = folder / "mappings" / "orders.yaml"
    for text, words in (
        (MAPPING.replace("source.id", "source.("), "orders.yaml: "),
        (MAPPING.replace("fields:", "feilds:"), "there is no key 'feilds' here"),
        (MAPPING.replace("- name", "- nam"), "name"),
        (MAPPING + "  x: [", "mappings/orders.yaml"),
    ):
        file.write_text(text)
        found = ipaas("test", folder)
        assert (found.exit_code, words in found.output) == (2, True), found.output
    file.unlink()
    assert "there is no mapping among these files" in ipaas("test", folder).output
    assert ipaas("test", folder / "nowhere").exit_code == 2


def test_files_of_others_do_not_matter(folder: Path) -> None:
    (folder / "schemas" / "broken.yaml").write_text("kind: schema\n  x: [")
    (folder / "schemas" / "values.yaml").write_text("replicas: 3")
    (folder / "schemas" / "binary.json").write_bytes(b"kind: \xff\xfe")
    assert ipaas("test", folder / "mappings").exit_code == 0
    (folder / "mappings" / "values.yml").write_text("replicas: 3")
    assert ipaas("test", folder / "mappings").exit_code == 0


def test_tests_are_generated_from_the_edges_and_written_with_comments_kept(folder: Path) -> None:
    file = folder / "mappings" / "orders.yaml"
    made = yamlio.load(ipaas("generate", file).output)
    assert isinstance(made, dict)
    names = [case["name"] for case in made["tests"]]
    assert names[:2] == ["only what is required", "everything"]
    assert {"note: null", "note: absent", "status: open", "status: absent"} <= set(names)
    assert "11 tests are added" in ipaas("generate", file, "--write").output
    assert file.read_text().startswith("# how an order becomes a note\n")
    assert "source.id  # as it is" in file.read_text()
    found = ipaas("test", file, "--coverage")
    assert (found.exit_code, "reached: 100 %" in found.output) == (0, True)
    assert "every edge has its test" in ipaas("generate", file).output


def test_outputs_are_accepted_where_that_is_meant(folder: Path) -> None:
    file = folder / "mappings" / "orders.yaml"
    file.write_text(MAPPING.replace("source.id  #", "source.id + '!'  #"))
    assert ipaas("test", file).exit_code == 1
    assert ipaas("accept", file).output == "accepted: a note\n"
    assert ipaas("test", file).exit_code == 0
    assert "id: 1!" in file.read_text()
    assert ipaas("accept", file).output == "nothing to accept\n"
    assert ipaas("accept", file, "--test", "no such").exit_code == 4


def test_five_hundred_cases_and_a_large_input_are_fine(folder: Path) -> None:
    file = folder / "mappings" / "orders.json"
    content: Any = yamlio.load(MAPPING)
    content["tests"] = [
        {"name": f"case {number}", "input": {"id": str(number)}, "expect": {"id": str(number), "note": "none"}}
        for number in range(499)
    ]
    big = {"id": "big", "note": "x" * 900_000}
    file.write_text(json.dumps(content))
    assert "499 passed" in ipaas("test", file, "--coverage").output
    content["tests"] = [{"name": "big", "input": big, "ignore": ["/note"], "expect": {"id": "big"}}]
    file.write_text(json.dumps(content))
    assert "1 passed" in ipaas("test", file).output
    content["tests"][0]["input"]["note"] *= 2
    file.write_text(json.dumps(content))
    found = ipaas("test", file)
    assert "longer than 1000000 characters" in found.output
