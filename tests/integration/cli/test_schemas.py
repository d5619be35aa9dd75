"""Schemas on the command line: the verdict on a change, a steward's decision, a schema from samples."""

import json
from pathlib import Path

import pytest

from ipaas.contracts.models import Schema
from tests.integration.cli.conftest import Run, told

pytestmark = pytest.mark.django_db(transaction=True)
ONE = {"type": "object", "properties": {"id": {"type": "string"}}}


def write(folder: Path, schema: object) -> Path:
    file = folder / "parcel.json"
    file.write_text(json.dumps({"kind": "schema", "slug": "parcel", "title": "Parcel", "schema": schema}))
    return file


def test_a_change_is_checked_before_it_is_applied_and_forced_by_a_steward(run: Run, tmp_path: Path) -> None:
    assert run("apply", write(tmp_path, ONE)).exit_code == 0
    assert run("schemas", "check", write(tmp_path, {**ONE, "minProperties": 0})).exit_code == 0
    broken = write(tmp_path, {**ONE, "required": ["id"]})
    found = run("schemas", "check", broken)
    assert found.exit_code == 2
    assert "id: the new version requires “id”" in found.output
    assert "Leave it optional" in found.output
    assert told(run("schemas", "check", broken, "--json"), 2)["state"] == "incompatible"
    assert run("apply", "--draft", broken).exit_code == 0
    assert run("schemas", "force", "parcel", "--reason", "all readers know").exit_code == 0
    assert run("schemas", "check", broken).exit_code == 0
    assert run("apply", broken).exit_code == 0
    assert Schema.objects.get().latest_version == 2


def test_samples_become_a_document_that_can_be_applied(run: Run, tmp_path: Path) -> None:
    samples = tmp_path / "orders.jsonl"
    samples.write_text('{"id": "1", "email": "a@shop.example"}\n{"id": "2", "email": "b@shop.example"}\n')
    found = run("schemas", "infer", samples, "--slug", "order")
    assert found.exit_code == 0
    assert "email: personal, as every value is an address of mail" in found.stderr
    document = tmp_path / "order.yaml"
    document.write_text(found.stdout)
    assert "x-sensitive: personal" in found.stdout
    assert run("apply", document).exit_code == 0
    assert run("schemas", "infer", samples, "--unmarked").stdout.count("x-sensitive") == 0
