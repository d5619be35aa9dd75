"""Rows in files: what is written reads back, bad files are told, bombs are refused."""

import io
import tracemalloc
import zipfile
from decimal import Decimal
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from ipaas.core.errors import ErrorClass
from ipaas.sdk.errors import ActionError
from ipaas.sdk.formats import Options, read_rows, window, write_rows

ROWS: list[dict[str, Any]] = [
    {"number": "FH-1", "total": Decimal("42.90"), "note": 'a;b,"c"\nd & <e>', "done": True, "none": None},
    {"number": "=1+1", "total": Decimal("0.1"), "note": "ü😀", "done": False, "none": None},
]


def written(kind: str, rows: list[dict[str, Any]], **options: Any) -> bytes:
    file = io.BytesIO()
    write_rows(kind, rows, file, Options.of(options))
    return file.getvalue()


def read(kind: str, content: bytes, **options: Any) -> list[dict[str, Any]]:
    return list(read_rows(kind, io.BytesIO(content), Options.of(options)))


def refused(kind: str, content: bytes, **options: Any) -> str:
    with pytest.raises(ActionError) as caught:
        read(kind, content, **options)
    assert caught.value.error_class is ErrorClass.CONTRACT_VIOLATION
    return caught.value.message


TEXTS = [
    {"number": row["number"], "total": str(row["total"]), "note": row["note"], "done": str(row["done"]).lower()}
    for row in ROWS
]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("csv", [{**row, "none": ""} for row in TEXTS]),
        ("jsonl", ROWS),
        ("xml", TEXTS),
        ("excel", [{**row, "total": float(row["total"])} for row in ROWS]),
        ("parquet", ROWS),
    ],
)
def test_what_is_written_reads_back(kind: str, expected: list[dict[str, Any]]) -> None:
    assert read(kind, written(kind, ROWS)) == expected
    assert list(window(iter(expected), 1, 5)) == expected[1:]


def test_nested_values_keep_their_shape_where_the_format_has_one() -> None:
    nested = [{"id": 1, "lines": [{"sku": "a"}, {"sku": "b"}]}]
    assert read("jsonl", written("jsonl", nested)) == nested
    assert read("parquet", written("parquet", nested)) == nested
    assert read("xml", written("xml", nested)) == [{"id": "1", "lines": [{"sku": "a"}, {"sku": "b"}]}]
    assert read("csv", written("csv", nested)) == [{"id": "1", "lines": '[{"sku":"a"},{"sku":"b"}]'}]


def test_csv_of_the_field() -> None:
    assert read("csv", '\ufeffa;b\r\n1;"x\r\ny"\r\n\r\n2\r\n'.encode(), delimiter=";") == [
        {"a": "1", "b": "x\r\ny"},
        {"a": "2", "b": None},
    ]
    assert read("csv", "ä,1\n".encode("cp1252"), encoding="cp1252", header=False) == [{"c1": "ä", "c2": "1"}]
    assert written("csv", [{"a": "ä", "b": 1}], columns=["b", "a"], encoding="iso-8859-1") == b"b,a\r\n1,\xe4\r\n"


@pytest.mark.parametrize(
    ("kind", "content", "word"),
    [
        ("csv", b"a,a\n1,2\n", "twice"),
        ("csv", b"a,b\n1,2,3\n", "3 cells"),
        ("csv", b"a\n\xff\n", "utf-8"),
        ("csv", b'a\n"open', "rules"),
        ("csv", b"a\n" + b"x" * 200_000, "rules"),
        ("jsonl", b'{"a": 1}\n[1]\n', "line 2"),
        ("jsonl", b'{"a": 1', "line 1"),
        ("jsonl", b'{"a": 1, "a": 2}', "line 1"),
        ("xml", b"<a><b></a>", "rules"),
        ("xml", b'<!DOCTYPE a [<!ENTITY x "y">]><a><b>&x;</b></a>', "document type"),
        ("xml", b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a><b/></a>', "document type"),
        ("xml", b"<a>" * 100 + b"</a>" * 100, "deeper"),
        ("excel", b"PK\x03\x04 not really", "damaged"),
        ("excel", b"", "damaged"),
        ("parquet", b"PAR1 not really PAR1", "damaged"),
    ],
)
def test_files_that_are_not_good_are_told(kind: str, content: bytes, word: str) -> None:
    assert word in refused(kind, content)


def workbook(**members: bytes) -> bytes:
    """A workbook whose parts are replaced."""
    source = zipfile.ZipFile(io.BytesIO(written("excel", [{"a": 1}])))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            archive.writestr(name, members.get(name.rpartition("/")[2].partition(".")[0], source.read(name)))
    return target.getvalue()


def test_a_workbook_that_unpacks_to_far_more_than_it_is_is_refused() -> None:
    assert "far more" in refused("excel", workbook(sheet1=b" " * 50_000_000))


def test_a_workbook_with_entities_or_a_lie_about_its_size_does_no_harm() -> None:
    sheet = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{}</worksheet>'
    cells = '<dimension ref="A1:XFD1048576"/><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>n</t></is></c></row>'
    cells += '<row r="2"><c r="A2"><v>7</v></c></row></sheetData>'
    assert read("excel", workbook(sheet1=sheet.format(cells).encode())) == [{"n": 7}]
    bomb = '<!DOCTYPE x [<!ENTITY a "b">]>' + sheet.format(cells)
    refused("excel", workbook(sheet1=bomb.encode()))


def test_a_text_that_a_parquet_file_holds_once_and_uses_often_is_not_made_often() -> None:
    """A kilobyte of file that would be a gigabyte of rows: the rows come one by one, and whoever bounds them stops."""
    often = pyarrow.DictionaryArray.from_arrays([0] * 1000, ["x" * 1_000_000])
    made = io.BytesIO()
    table = pyarrow.table({"id": list(range(1000)), "text": often})
    parquet.write_table(table, made, compression="zstd", store_schema=False)
    file = made.getvalue()
    assert len(file) < 50_000
    tracemalloc.start()
    try:
        rows = read_rows("parquet", io.BytesIO(file), Options())
        assert [next(rows)["id"] for _ in range(50)] == list(range(50))
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()


def test_texts_that_a_format_cannot_hold_are_told() -> None:
    for kind, rows in (
        ("xml", [{"a": "\x01"}]),
        ("xml", [{"a b": 1}]),
        ("excel", [{"a": "\x01"}]),
        ("excel", [{"a": "x" * 40_000}]),
        ("parquet", [{"a": 1}, {"a": "x"}]),
    ):
        with pytest.raises(ActionError) as caught:
            written(kind, rows)
        assert caught.value.vendor_code == "bad_rows"


def test_rows_are_read_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(io.RawIOBase):
        """A file without an end: whoever reads it whole never comes back."""

        def __init__(self, head: bytes, line: bytes) -> None:
            self.head, self.line = head, line

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            while len(self.head) < len(buffer):
                self.head += self.line
            buffer[:], self.head = self.head[: len(buffer)], self.head[len(buffer) :]
            return len(buffer)

    for kind, head, line in (
        ("csv", b"a,b\n", b"1,2\n" * 50),
        ("jsonl", b"", b'{"a": 1}\n' * 50),
        ("xml", b"<rows>", b"<row><a>1</a></row>" * 50),
    ):
        file = io.BufferedReader(Endless(head, line))
        assert len(list(window(read_rows(kind, file, Options()), 1000, 10))) == 11
