"""``ipaas mapping convert``: a file becomes another, whole or not at all."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ipaas.cli.mapping_kit import mapping

DOCUMENT = """\
kind: mapping
slug: rows
title: Rows
input: {format: csv, records: true}
output: {format: json, lines: true}
fields: {id: source.id, n: "number(source.n) + vars.more", day: now}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "rows.yaml").write_text(DOCUMENT)
    (tmp_path / "in.csv").write_text("id,n\na,1\nb,2\n")
    return tmp_path


def run(place: Path, *words: str) -> Result:
    given = ["convert", str(place / "rows.yaml"), str(place / "in.csv"), *words]
    return CliRunner().invoke(mapping, [*given, "--vars", '{"more": 10}', "--now", "2026-03-01T00:00:00"])


def test_a_file_becomes_another_or_is_printed(place: Path) -> None:
    made = place / "out.json"
    found = run(place, str(made))
    assert (found.exit_code, found.stdout.strip()) == (0, f"2 records: {made}")
    assert made.read_text().splitlines()[1] == '{"id":"b","n":12,"day":"2026-03-01T00:00:00Z"}'
    assert run(place).stdout == made.read_text()


def test_a_record_that_fails_leaves_the_file_as_it_was(place: Path) -> None:
    (place / "in.csv").write_text("id,n\na,1\nb,x\n")
    made = place / "out.json"
    made.write_text("before")
    found = run(place, str(made))
    assert found.exit_code == 2
    assert "Record 2 (line 3): The field n" in found.output
    assert (made.read_text(), len(list(place.iterdir()))) == ("before", 3)
