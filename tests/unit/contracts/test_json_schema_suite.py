"""The official JSON Schema Test Suite (draft 2020-12) through our path; each difference is one that we mean."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from ipaas.contracts.compatibility import check
from ipaas.contracts.validators import compile_schema
from tests.suites import JSON_SCHEMA

pytestmark = pytest.mark.skipif(not JSON_SCHEMA.is_dir(), reason="the suite is not there: python3 -m tests.suites")
OFFLINE = {"dynamicRef.json": 5, "refRemote.json": 15, "optional/cross-draft.json": 1}
"""Groups whose schema refers to another document: refused, as a schema never leads to a call."""
OTHERWISE = {"format.json": 19, "vocabulary.json": 1}
"""Single tests: formats are always asserted, and a metaschema that leaves vocabularies out is not heeded."""
LEAST = 1_840


def groups() -> Iterator[tuple[str, Any]]:
    for file in sorted(JSON_SCHEMA.rglob("*.json")):
        for group in json.loads(file.read_text()):
            yield file.relative_to(JSON_SCHEMA).as_posix(), group


def test_every_difference_from_the_suite_is_a_known_one() -> None:
    refused: dict[str, int] = {}
    otherwise: dict[str, int] = {}
    agreed = 0
    for name, group in groups():
        try:
            compiled = compile_schema(group["schema"])
        except (ValueError, jsonschema_rs.ReferencingError):
            refused[name] = refused.get(name, 0) + 1
            continue
        for one in group["tests"]:
            if compiled.is_valid(one["data"]) == one["valid"] == (not compiled.errors(one["data"])):
                agreed += 1
            else:
                otherwise[name] = otherwise.get(name, 0) + 1
    assert (refused, otherwise) == (OFFLINE, OTHERWISE)
    assert agreed >= LEAST


def test_the_page_names_the_differences() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/json-schema.md").read_text()
    assert all(f"`{name}`" in page for name in {**OFFLINE, **OTHERWISE})


@pytest.mark.full
def test_no_document_of_the_suite_contradicts_a_verdict_between_its_schemas() -> None:
    """Schemas of one file are much alike: their verdicts are held against all data of the file."""
    by_file: dict[str, list[tuple[Any, Any]]] = {}
    data: dict[str, list[Any]] = {}
    for name, group in groups():
        try:
            compiled = compile_schema(group["schema"])
        except (ValueError, jsonschema_rs.ReferencingError):
            continue
        by_file.setdefault(name, []).append((group["schema"], compiled))
        data.setdefault(name, []).extend(one["data"] for one in group["tests"])
    proven = 0
    for name, schemas in by_file.items():
        for old, before in schemas:
            for new, after in schemas:
                if old is new or check(old, new, "backward").state != "compatible":
                    continue
                proven += 1
                broken = [one for one in data[name] if before.is_valid(one) and not after.is_valid(one)]
                assert not broken, (name, old, new, broken[0])
    assert proven > 100
