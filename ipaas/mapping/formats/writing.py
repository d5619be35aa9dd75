"""Writing an output by its description, whole or record by record."""

import io
from collections.abc import Mapping
from typing import Any, BinaryIO, Protocol
from urllib.parse import urlencode

from ipaas.core import jsonio
from ipaas.mapping.formats import fixed
from ipaas.mapping.formats.errors import FormatFailed, failed
from ipaas.mapping.formats.segments import SegmentWriter
from ipaas.mapping.formats.structure import flattened, items_of
from ipaas.sdk.bodies import RequestNotBuildable, form_pairs
from ipaas.sdk.errors import ActionError
from ipaas.sdk.formats import Options, write_rows
from ipaas.sdk.formats.xml import PREFIXED, NotXml, element_text, write_document

MAX_SHEET_ROWS = 1_048_575
_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'


class Writer(Protocol):
    """Takes records one by one; what was taken is written before the next."""

    def add(self, record: Any) -> None:
        """Raises FormatFailed."""

    def end(self) -> None:
        """Nothing comes after this."""


def write(spec: Mapping[str, Any], value: Any) -> bytes:
    """A whole target in its format. Raises FormatFailed."""
    kind = spec["format"]
    try:
        if kind == "json":
            return _json(spec, value)
        if kind == "form":
            return urlencode(form_pairs(value), encoding=spec.get("encoding", "utf-8")).encode()
        if kind == "xml" and not isinstance(value, list):
            return write_document(_rooted(spec, value))
        if kind in ("fixed", "segments") and "structure" in spec:
            return _structured(spec, value)
    except (NotXml, RequestNotBuildable, UnicodeEncodeError) as error:
        raise failed(str(getattr(error, "params", {}).get("reason", error))) from error
    file = io.BytesIO()
    writer = writer_of(spec, file)
    for record in value if isinstance(value, list) else [value]:
        writer.add(record)
    writer.end()
    return file.getvalue()


def writer_of(spec: Mapping[str, Any], file: BinaryIO) -> Writer:
    """The writer of records of a format."""
    writer: Writer = _WRITERS[spec["format"]](spec, file)
    return writer


def _json(spec: Mapping[str, Any], value: Any) -> bytes:
    if spec.get("lines"):
        return b"".join(jsonio.dumps(one) + b"\n" for one in (value if isinstance(value, list) else [value]))
    return jsonio.dumps(value)


def _rooted(spec: Mapping[str, Any], value: Any) -> Any:
    if "root" not in spec:
        if isinstance(value, Mapping) and len(value) == 1:
            ((name, inner),) = value.items()
            return {name: {**_declared(spec), **inner} if isinstance(inner, Mapping) else inner}
        raise failed("it has several members and no root; say root under output")
    return {spec["root"]: {**_declared(spec), **value} if isinstance(value, Mapping) else value}


def _declared(spec: Mapping[str, Any]) -> dict[str, str]:
    return {
        f"@xmlns:{prefix}" if prefix else "@xmlns": address for prefix, address in spec.get("namespaces", {}).items()
    }


def _structured(spec: Mapping[str, Any], value: Any) -> bytes:
    writer = _WRITERS[spec["format"]](spec, file := io.BytesIO())
    writer.add(value)
    return file.getvalue()


class _JsonWriter:
    def __init__(self, spec: Mapping[str, Any], file: BinaryIO) -> None:
        self._lines, self._file, self._first = bool(spec.get("lines")), file, True

    def add(self, record: Any) -> None:
        if not self._lines:
            self._file.write(b"[\n" if self._first else b",\n")
        self._first = False
        self._file.write(jsonio.dumps(record) + (b"\n" if self._lines else b""))

    def end(self) -> None:
        if not self._lines:
            self._file.write(b"[]\n" if self._first else b"\n]\n")


class _CsvWriter:
    def __init__(self, spec: Mapping[str, Any], file: BinaryIO) -> None:
        names = ("delimiter", "encoding", "header", "columns")
        self._options = Options(**{name: spec[name] for name in names if name in spec})
        self._file, self._columns, self._first = file, list(spec.get("columns", ())), True

    def add(self, record: Any) -> None:
        if not isinstance(record, Mapping):
            raise failed("a record is no object")
        if not self._columns:
            self._columns = list(record)
        unknown = set(record) - set(self._columns)
        if unknown:
            raise failed(f"{min(unknown)} is not among the columns; say columns under output")
        options = Options(self._options.delimiter, self._options.encoding, self._options.header and self._first)
        self._write([record], options)
        self._first = False

    def _write(self, rows: list[Any], options: Options) -> None:
        one = Options(options.delimiter, options.encoding, options.header, columns=self._columns)
        try:
            write_rows("csv", rows, self._file, one)
        except ActionError as error:
            raise failed(str(error.message)) from error

    def end(self) -> None:
        if self._first and self._columns and self._options.header:
            self._write([], self._options)


class _XmlWriter:
    def __init__(self, spec: Mapping[str, Any], file: BinaryIO) -> None:
        self._file, self._row, self._root = file, spec.get("row", "row"), spec.get("root", "rows")
        self._head = element_text(self._root, {**_declared(spec), "#text": "|"}, PREFIXED).partition("|")[0].encode()
        self._first = True

    def add(self, record: Any) -> None:
        self._begin()
        try:
            self._file.write(element_text(self._row, {} if record is None else record, PREFIXED).encode() + b"\n")
        except NotXml as error:
            raise failed(str(error)) from error

    def _begin(self) -> None:
        if self._first:
            self._file.write(_DECLARATION + self._head + b"\n")
        self._first = False

    def end(self) -> None:
        self._begin()
        self._file.write(f"</{self._root}>\n".encode())


class _FixedWriter:
    def __init__(self, spec: Mapping[str, Any], file: BinaryIO) -> None:
        self._spec, self._file = spec, file
        self._lines = {line.name: line for line in fixed.lines_of(spec)}
        self._items = items_of(spec["structure"]) if "structure" in spec else ()

    def add(self, record: Any) -> None:
        if self._items:
            for name, value in flattened(self._items, record):
                self._line(name, value)
            return
        if "fields" in self._spec:
            self._line("line", record)
        else:
            kind = record.get("line") if isinstance(record, Mapping) else None
            self._line(str(kind), {key: value for key, value in record.items() if key != "line"} if kind else record)

    def _line(self, name: str, value: Any) -> None:
        if name not in self._lines:
            raise failed(f"a record says in line which of {', '.join(self._lines)} it is, this one does not")
        self._file.write(fixed.write_line(self._lines[name], value, self._spec, name))

    def end(self) -> None:
        """Nothing stands behind the last line."""


class _SegmentsWriter:
    def __init__(self, spec: Mapping[str, Any], file: BinaryIO) -> None:
        self._writer, self._file = SegmentWriter(spec), file
        self._items = items_of(spec["structure"]) if "structure" in spec else ()
        file.write(self._writer.head())

    def add(self, record: Any) -> None:
        if not self._items:
            tag = record.get("segment") if isinstance(record, Mapping) else None
            if not isinstance(tag, str):
                raise failed("a record says its tag in segment, this one does not")
            pairs = [(tag, {key: value for key, value in record.items() if key != "segment"})]
        else:
            pairs = list(flattened(self._items, record))
        for name, value in pairs:
            self._file.write(self._writer.segment(name, value))

    def end(self) -> None:
        """Trailers are segments like others."""


class _SheetWriter:
    """A workbook is written at its end, until when its rows stand in memory."""

    def __init__(self, spec: Mapping[str, Any], file: BinaryIO) -> None:
        self._file, self._rows = file, []  # type: BinaryIO, list[Any]
        names = ("header", "columns", "sheet")
        self._options = Options(**{name: spec[name] for name in names if name in spec})

    def add(self, record: Any) -> None:
        if not isinstance(record, Mapping):
            raise failed("a record is no object")
        if len(self._rows) >= MAX_SHEET_ROWS:
            raise failed(f"a sheet has at most {MAX_SHEET_ROWS:,} rows")
        self._rows.append(record)

    def end(self) -> None:
        try:
            write_rows("excel", self._rows, self._file, self._options)
        except ActionError as error:
            raise failed(str(error.message)) from error


class _FormWriter:
    def __init__(self, spec: Mapping[str, Any], file: BinaryIO) -> None:
        self._spec, self._file = spec, file

    def add(self, record: Any) -> None:
        self._file.write(write(self._spec, record) + b"\n")

    def end(self) -> None:
        """A line for each record."""


_WRITERS: dict[str, Any] = {
    "json": _JsonWriter,
    "csv": _CsvWriter,
    "xml": _XmlWriter,
    "form": _FormWriter,
    "fixed": _FixedWriter,
    "segments": _SegmentsWriter,
    "xlsx": _SheetWriter,
}
__all__ = ["FormatFailed", "Writer", "write", "writer_of"]
