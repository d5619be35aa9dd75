"""Files read apart: the same rows, and attacks that end the child and nothing else."""

import io
import zipfile
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from ipaas.core.apart import Limits
from ipaas.core.errors import ErrorClass
from ipaas.sdk.errors import ActionError
from ipaas.sdk.formats import Options, read_rows, write_rows
from ipaas.sdk.formats.apart import rows_apart

ROWS = [{"id": number, "text": "x" * number} for number in range(700)]


def file_of(*chunks: bytes) -> Any:
    file = TemporaryFile()  # noqa: SIM115 - closed by who asks
    for chunk in chunks:
        file.write(chunk)
    return file


def refused(kind: str, *chunks: bytes, **limits: Any) -> ActionError:
    with file_of(*chunks) as file, pytest.raises(ActionError) as caught:
        list(rows_apart(kind, file, Options(), limits=Limits(**limits)))
    assert caught.value.error_class is ErrorClass.CONTRACT_VIOLATION
    return caught.value


@pytest.mark.parametrize("kind", ["csv", "jsonl", "xml", "excel", "parquet"])
def test_rows_read_apart_are_those_read_here(kind: str) -> None:
    made = io.BytesIO()
    write_rows(kind, ROWS, made, Options())
    expected = list(read_rows(kind, io.BytesIO(made.getvalue()), Options()))
    with file_of(made.getvalue()) as file:
        assert list(rows_apart(kind, file, Options())) == expected
        assert list(rows_apart(kind, file, Options(), offset=100, limit=2)) == expected[100:103]


def test_what_is_wrong_is_told_in_the_same_words() -> None:
    assert "line 2" in refused("jsonl", b'{"a": 1}\n', b'{"a":').message
    assert "deeper" in refused("xml", b"<a>" * 100_000).message
    assert "too deep" in refused("jsonl", b'{"a":' + b"[" * 100_000).message


def endless(size: int) -> Iterator[bytes]:
    return (b"x" * 1_000_000 for _ in range(size))


def test_a_line_without_an_end_is_refused_while_it_is_read() -> None:
    assert "longer than 8 MB" in refused("csv", b"a,b\n", *endless(40)).message
    assert "longer than 8 MB" in refused("jsonl", *endless(40)).message


def test_a_parquet_file_that_unpacks_to_more_than_is_allowed_ends_the_child_alone() -> None:
    made = io.BytesIO()
    table = pyarrow.table({"numbers": pyarrow.array([[0] * 20_000_000])})
    parquet.write_table(table, made, compression="zstd")
    assert len(made.getvalue()) < 500_000
    refused("parquet", made.getvalue(), memory_bytes=128 << 20)  # by pyarrow or by the kernel, whoever sees it first


def test_an_entity_bomb_and_a_zip_bomb_are_refused() -> None:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol"}">' for n in range(10))
    assert "document type" in refused("xml", f"<!DOCTYPE a [{levels}]><a><b>&l9;</b></a>".encode()).message
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 100_000_000)
    assert "far more" in refused("excel", made.getvalue()).message
