"""Inputs and outputs of mappings in every format: what is read, what is written back, and how faults are told."""

import io
from base64 import b64encode
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest

from ipaas.core.apart import Limits
from ipaas.core.yamlio import load as yaml
from ipaas.mapping import engine
from ipaas.mapping.document import validate
from ipaas.mapping.formats import inputs
from ipaas.mapping.formats.applying import RecordFailed, convert, with_formats
from ipaas.mapping.formats.describing import FORMATS, findings
from ipaas.mapping.formats.errors import FormatFailed
from ipaas.mapping.formats.inputs import read, records
from ipaas.mapping.formats.writing import write, writer_of

DOCS = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "formats"


def described(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml((DOCS / f"{name}.yaml").read_text())
    return content


def test_an_edifact_order_is_read_message_by_message_with_all_its_groups() -> None:
    content = described("orders-d96a")
    mapping = engine.compile(content)
    found = list(records(content["input"], (DOCS / "orders-d96a.edi").read_text().encode("iso-8859-1")))
    assert [(number, line) for number, line, _ in found] == [(1, 2), (2, 23)]
    first, second = (mapping.apply(source, {}) for _, _, source in found)
    assert first == {
        "number": "PO-2026-118",
        "ordered_on": "2026-11-29",
        "buyer": "4012345000009",
        "ship_to": {"name": "Fjord & Harbour", "city": "Kiel", "country": "DE"},
        "currency": "EUR",
        "lines": [
            {"gtin": "4006381333931", "text": "Fineliner 0.4 black", "quantity": 120, "price": Decimal("0.89")},
            {"gtin": "4006381115124", "quantity": 24, "price": Decimal("12.5")},
        ],
    }
    assert (second["ship_to"]["city"], second["currency"], len(second["lines"])) == ("Oslo", "EUR", 1)
    message = found[0][2]
    assert message["texts"][0]["text"]["line1"] == "Deliver at the gate: ring twice, it's loud"
    assert message["parties"][1]["contacts"][0]["channels"][0]["channel"]["address"] == "+49 431 555012"
    assert found[1][2]["currencies"] == []


def test_an_x12_order_is_read_with_the_separators_that_it_names() -> None:
    content = described("purchase-order-850")
    text = (DOCS / "purchase-order-850.edi").read_bytes()
    expected = {
        "orders": [
            {
                "number": "PO-2026-118",
                "ordered_on": "2026-11-29",
                "ship_to": "Fjord & Harbour Boston",
                "lines": [
                    {"sku": "HB-2215", "text": "Fineliner 0.4 black", "quantity": 120, "price": Decimal("0.89")},
                    {"sku": "HB-77", "text": "", "quantity": 24, "price": Decimal("12.5")},
                ],
            }
        ]
    }
    for told in (text, text.replace(b"*", b"|").replace(b"~\n", b"\x1c")):
        assert engine.compile(content).apply(read(content["input"], told), {}) == expected


@pytest.mark.parametrize("name", ["orders-d96a", "purchase-order-850"])
def test_what_was_read_is_written_as_it_was(name: str) -> None:
    content = described(name)
    spec = {key: value for key, value in content["input"].items() if key != "records"}
    text = (DOCS / f"{name}.edi").read_text().encode(spec.get("encoding", "utf-8"))
    if name == "orders-d96a":
        spec |= {"una": True}
        spec["segments"] = spec["segments"] | {"UNT": [{"name": "segments", "counted": "UNH"}, "reference"]}
    else:
        widths = (2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1, 1)
        names = spec["segments"]["ISA"]
        isa = [{"name": one, "width": width} for one, width in zip(names, widths, strict=True)]
        spec["segments"] = spec["segments"] | {
            "ISA": isa,
            "SE": [{"name": "segments", "counted": "ST"}, "control_number"],
        }
    source = read(spec, text)
    assert write(spec, source).decode(spec.get("encoding", "utf-8")) == text.decode(spec.get("encoding", "utf-8"))


def test_a_price_list_of_fixed_width() -> None:
    content = described("price-list")
    source = read(content["input"], (DOCS / "price-list.txt").read_bytes())
    assert engine.compile(content).apply(source, {})["products"] == [
        {"sku": "HB-2215", "name": "Füller, schwarz", "price": Decimal("12.50"), "valid_from": "2026-12-01"},
        {"sku": "HB-0004", "name": "Fineliner 0.4", "price": Decimal("0.89"), "valid_from": "2026-12-01"},
    ]
    assert write(content["input"], source) == (DOCS / "price-list.txt").read_bytes()


XML = '<o:order xmlns:o="urn:orders" xmlns:p="urn:parts" id="7"><o:lines><p:line sku="a">1</p:line></o:lines></o:order>'


def test_xml_has_one_shape_for_one_and_many_and_prefixes_that_are_ours() -> None:
    spec = {"format": "xml", "lists": ["lines/x:line"], "namespaces": {"x": "urn:parts", "": "urn:orders"}}
    assert read(spec, XML.encode()) == {"order": {"@id": "7", "lines": {"x:line": [{"@sku": "a", "#text": "1"}]}}}
    two = XML.replace("</o:lines>", "<p:line>2</p:line></o:lines>")
    assert read(spec, two.encode())["order"]["lines"]["x:line"] == [{"@sku": "a", "#text": "1"}, "2"]
    assert read({"format": "xml"}, XML.encode())["order"]["lines"] == {"line": {"@sku": "a", "#text": "1"}}
    made = write(
        {"format": "xml", "root": "x:order", "namespaces": {"x": "urn:parts"}}, {"@id": "7", "x:line": ["1", "2"]}
    )
    assert read({**spec, "lists": []}, made) == {"x:order": {"@id": "7", "x:line": ["1", "2"]}}
    assert [value for *_, value in records({"format": "xml", "records": "line"}, two.encode())] == [
        {"@sku": "a", "#text": "1"},
        {"#text": "2"},
    ]


ROWS = [{"number": "1", "name": 'Anna; "A"\nÄ'}, {"number": "2", "name": "Bo"}]
FIELDS = [{"name": "number", "length": 3, "type": "integer"}, {"name": "name", "length": 8}]


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        ({"format": "json"}, {"a": [1, Decimal("1.50"), None]}),
        ({"format": "json", "lines": True}, [{"a": 1}, {"a": "ä"}]),
        ({"format": "csv", "delimiter": ";", "encoding": "cp1252"}, ROWS),
        ({"format": "csv", "header": False, "columns": ["name", "number"]}, ROWS),
        ({"format": "xlsx", "sheet": "Orders"}, ROWS),
        ({"format": "form"}, {"name": "Anna & Bo", "address": {"city": "Kiel", "lines": ["a", "b"]}}),
        ({"format": "fixed", "fields": FIELDS}, [{"number": 7, "name": "Anna"}, {"number": -7, "name": ""}]),
        ({"format": "fixed", "fields": FIELDS, "line_length": 11}, [{"number": 7, "name": "Anna"}] * 2),
        ({"format": "segments"}, [{"segment": "A", "1": "x", "3": "y"}, {"segment": "B"}]),
    ],
    ids=lambda one: one["format"] if isinstance(one, dict) and "format" in one else "",
)
def test_what_is_written_reads_back(spec: dict[str, Any], value: Any) -> None:
    assert list(findings(spec, "/output")) == []
    assert read(spec, write(spec, value)) == value


def test_lists_of_forms_are_lists_by_description() -> None:
    assert read({"format": "form", "lists": ["tag"]}, b"tag=a") == {"tag": ["a"]}
    assert read({"format": "form"}, b"") == {}


@pytest.mark.parametrize(
    ("spec", "text", "told"),
    [
        ({"format": "json"}, '{"a": 1, "a": 2}', "occurs twice"),
        ({"format": "json", "records": True}, '[{"a": 1}, {"a": ', "record 1: the text is not JSON behind it"),
        ({"format": "json", "records": True}, '[1, {"a": {"b": 1, "b": 2}}]', "a name stands twice in an object"),
        ({"format": "json", "lines": True}, '{"a": 1}\nnot', "line 2"),
        ({"format": "csv"}, "a,b\n1,2\n1,2,3\n", "line 3 has 3 cells"),
        ({"format": "csv"}, "a,b\n1,\x00\n", "NUL"),
        ({"format": "xml"}, "<a>\n<b></a>", "line 2"),
        ({"format": "xml"}, "<a>" * 70 + "</a>" * 70, "64 inside each other"),
        ({"format": "xml"}, '<?xml version="1.0" encoding="none"?><a/>', "encoding is not known"),
        ({"format": "xml", "records": "a"}, '<?xml version="1.0" encoding="none"?><a/>', "encoding is not known"),
        ({"format": "xml"}, '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "document type"),
        ({"format": "form"}, "a", "not a form"),
        ({"format": "form"}, "a=1&a[b]=2", "stands beside"),
        ({"format": "fixed", "fields": FIELDS}, "001Anna\nxxxBo\n", "line 2: number is not a integer"),
        (
            {"format": "fixed", "lines": [{"name": "a", "when": {"text": "A"}, "fields": FIELDS}]},
            "B",
            "line 1: it is of no",
        ),
        ({"format": "segments", "dialect": "edifact"}, "UNH+1'BGM+220", "segment 2: it is cut off"),
        ({"format": "segments", "dialect": "x12"}, "ISA*00*", "ISA has 106 characters"),
        (
            {"format": "segments", "structure": ["A", {"segment": "B", "required": True}]},
            "A|1\nC|1\n",
            "segment 2: B is missing",
        ),
        ({"format": "segments", "structure": ["A"]}, "A|1\nC|1\n", "segment 2: C has no place here"),
        ({"format": "segments", "segments": {"A": ["x"]}}, "A|1|2\n", "segment 1: it has 2 elements, 1 are described"),
        ({"format": "segments", "dialect": "edifact"}, "A+" + "x" * 300_000, "no end within 256 KB"),
        ({"format": "xlsx"}, "not a workbook", "damaged"),
    ],
)
def test_what_is_wrong_with_an_input_is_told_with_its_place(spec: dict[str, Any], text: str, told: str) -> None:
    reading = records if spec.get("records") else lambda *given: [read(*given)]
    with pytest.raises(FormatFailed) as caught:
        list(reading(spec, text.encode()))
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "value", "told"),
    [
        ({"format": "csv"}, [{"a": 1}, {"b": 1}], "b is not among the columns"),
        ({"format": "xml"}, {"a": 1, "b": 2}, "say root under output"),
        ({"format": "xml", "root": "a"}, {"b c": 1}, "not a name of XML"),
        ({"format": "form"}, [1], "takes an object"),
        ({"format": "fixed", "fields": FIELDS}, [{"number": 1234}], "line.number has 4 characters, 3 have place"),
        ({"format": "fixed", "fields": FIELDS}, [{"other": 1}], "line.other has no place"),
        (
            {"format": "segments", "separators": {"element": "+"}},
            [{"segment": "A", "1": "a+b"}],
            "no way to release it",
        ),
        (
            {"format": "segments", "structure": [{"segment": "A", "many": True}]},
            {"A": {"1": "x"}},
            "A is a list by its",
        ),
        ({"format": "segments", "structure": [{"segment": "A", "required": True}]}, {}, "A is missing"),
    ],
)
def test_what_has_no_place_in_an_output_is_told(spec: dict[str, Any], value: Any, told: str) -> None:
    with pytest.raises(FormatFailed, match=told.replace("+", r"\+")):
        write(spec, value)


def test_descriptions_are_checked_key_by_key() -> None:
    for name in ("orders-d96a", "purchase-order-850", "price-list"):
        assert list(findings(described(name)["input"], "/input")) == []
    cases = {
        "/input/format": {"format": "edi"},
        "/input/seperator": {"format": "csv", "seperator": ";"},
        "/input/records": {"format": "segments", "structure": ["A"], "records": "messages"},
        "/input/structure": {
            "format": "fixed",
            "lines": [{"name": "a", "when": {"text": "A"}, "fields": FIELDS}],
            "structure": ["b"],
        },
    }
    for path, spec in cases.items():
        assert [one.path for one in findings(spec, "/input")] == [path], spec
    assert all(list(findings({"format": kind}, "/x")) == [] for kind in FORMATS if kind != "fixed")


def test_records_come_one_by_one_from_a_file_however_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """40 MB read by a child that may take 32: nothing is kept of what was handed over."""
    monkeypatch.setattr(inputs, "FILE_LIMITS", Limits(memory_bytes=32 << 20, cpu_s=60, wall_s=120))

    with TemporaryFile() as file:
        row = b'{"id": 1, "text": "' + b"x" * 4000 + b'"}'
        file.write(b'{"data": {"orders": [' + b",".join([row] * 10_000) + b"]}}")
        count = sum(len(value["text"]) for *_, value in records({"format": "json", "records": "data.orders"}, file))
    assert count == 40_000_000


def test_records_are_written_one_by_one() -> None:
    for spec, expected in (
        ({"format": "json"}, b'[\n{"a":1},\n{"a":2}\n]\n'),
        ({"format": "csv"}, b"a\r\n1\r\n2\r\n"),
        ({"format": "xml", "root": "o", "namespaces": {"": "urn:x"}}, b'<o xmlns="urn:x">\n<row><a>1</a></row>\n'),
        ({"format": "form"}, b"a=1\na=2\n"),
    ):
        writer = writer_of(spec, file := io.BytesIO())
        for number in (1, 2):
            writer.add({"a": number})
        writer.end()
        assert expected in file.getvalue()


def formatted(**document: Any) -> Any:
    content = {"slug": "x", "fields": {"id": "source.id", "twice": "number(source.n) * 2"}, **document}
    return with_formats(engine.compile(content), content)


def test_a_mapping_takes_texts_files_and_values_that_were_read_already() -> None:
    plain = formatted()
    assert (plain.in_thread, plain.apply({"id": "a", "n": 2})) == (False, {"id": "a", "twice": 4})
    told = {"id": "a", "twice": 4}
    read_here = formatted(input={"format": "json"})
    assert [read_here.apply(one) for one in ({"id": "a", "n": 2}, '{"id": "a", "n": 2}')] == [told, told]
    form = formatted(input={"format": "form"}, output={"format": "form"})
    assert (form.in_thread, form.apply("id=a&n=2")) == (True, "id=a&twice=4")
    csv = formatted(input={"format": "csv", "records": True, "encoding": "cp1252"}, output={"format": "csv"})
    assert csv.apply("id,n\nä,2\nb,3\n") == "id,twice\r\nä,4\r\nb,6\r\n"
    assert csv.apply({"base64": b64encode("id,n\nä,2\n".encode("cp1252")).decode()}) == "id,twice\r\nä,4\r\n"
    sheet = formatted(input={"format": "csv", "records": True}, output={"format": "xlsx"})
    back = formatted(input={"format": "xlsx", "records": True}, fields={"id": "source.id", "n": "source.twice"})
    assert back.apply(sheet.apply("id,n\na,2\n")) == [{"id": "a", "n": 4}]
    with pytest.raises(FormatFailed, match="a text, or a file as"):
        csv.apply([1])
    with pytest.raises(FormatFailed, match="not Base64"):
        back.apply("no!")


def test_a_record_that_can_not_be_mapped_is_named_with_its_line_and_no_value() -> None:
    csv = formatted(input={"format": "csv", "records": True})
    with pytest.raises(RecordFailed) as caught:
        csv.apply('id,n\n"a\nb",2\nc,s3cret\n')
    assert "Record 2 (line 4): The field twice" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_file_is_mapped_record_by_record_into_another() -> None:
    mapping = formatted(input={"format": "csv", "records": True}, output={"format": "json", "lines": True})
    target = io.BytesIO()
    with TemporaryFile() as source:
        source.write(b"id,n\n" + b"".join(b"%d,%d\n" % (number, number) for number in range(5000)))
        assert convert(mapping, source, target) == 5000
    assert target.getvalue().splitlines()[4999] == b'{"id":"4999","twice":9998}'
    with TemporaryFile() as source:
        source.write(b'{"id": "a", "n": 1}')
        assert convert(formatted(), source, whole := io.BytesIO()) == 1
    assert whole.getvalue() == b'{"id":"a","twice":2}'


def test_a_document_says_what_is_wrong_with_its_formats() -> None:
    content = {
        "kind": "mapping",
        "slug": "x",
        "title": "X",
        "fields": {"a": "source"},
        "input": {"format": "csv", "x": 1},
    }
    assert [one.path for one in validate(content)] == ["/input/x"]
    assert [one.path for one in validate({**content, "input": {"format": "odd"}})] == ["/input/format"]
