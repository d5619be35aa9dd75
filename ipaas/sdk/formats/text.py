"""CSV (RFC 4180) and JSON Lines."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, BinaryIO

from ipaas.core.jsonio import JsonInvalid, dumps, loads
from ipaas.sdk.bodies import scalar_text
from ipaas.sdk.formats import MAX_COLUMNS, Options, Row, columns_of, malformed, unwritable

MAX_LINE_BYTES = 8 * 1024 * 1024
MAX_CELL_CHARS = 131_072
"""What the csv module allows by itself; others in the process may have raised its limit."""
_CSV, _JSONL = "CSV", "JSON Lines"


def read_csv(file: BinaryIO, options: Options) -> Iterator[tuple[int, Row]]:
    """Numbers of lines and rows as texts; without a header the columns are those named, else c1, c2 and so on."""
    text = io.TextIOWrapper(file, encoding=_encoding(options), newline="")
    lines = csv.reader(_bounded_lines(text), delimiter=options.delimiter, strict=True)
    columns: list[str] = [] if options.header else list(options.columns)
    try:
        for cells in lines:
            if not cells:
                continue
            if max(map(len, cells)) > MAX_CELL_CHARS:
                raise malformed(
                    _CSV, f"line {lines.line_num} breaks its rules (a cell of over {MAX_CELL_CHARS:,} characters)"
                )
            if options.header and not columns:
                columns = _header(cells)
                continue
            columns = columns or [f"c{number}" for number in range(1, len(cells) + 1)]
            if len(cells) > len(columns):
                raise malformed(_CSV, f"line {lines.line_num} has {len(cells)} cells for {len(columns)} columns")
            yield lines.line_num, {**dict.fromkeys(columns), **dict(zip(columns, cells, strict=False))}
    except csv.Error as error:
        raise malformed(_CSV, f"line {lines.line_num} breaks its rules ({error})") from error
    except UnicodeDecodeError as error:
        raise malformed(_CSV, f"it is not {options.encoding}") from error
    finally:
        text.detach()


def write_csv(rows: Sequence[Mapping[str, Any]], file: BinaryIO, options: Options) -> None:
    text = io.TextIOWrapper(file, encoding=_encoding(options, writing=True), newline="")
    columns = columns_of(rows, options)
    writer = csv.writer(text, delimiter=options.delimiter, lineterminator="\r\n")
    try:
        if options.header:
            writer.writerow(columns)
        for row in rows:
            writer.writerow([_cell(row.get(name)) for name in columns])
        text.flush()
    except UnicodeEncodeError as error:
        raise unwritable(_CSV, f"a character has no place in {options.encoding}") from error
    except csv.Error as error:
        raise unwritable(_CSV, str(error)) from error
    finally:
        text.detach()


def read_jsonl(file: BinaryIO, options: Options) -> Iterator[tuple[int, Row]]:
    """Numbers of lines and the one JSON object of each; empty lines are passed over."""
    number = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise malformed(_JSONL, f"line {number} is longer than {MAX_LINE_BYTES // 1024 // 1024} MB")
        if not line.strip():
            continue
        try:
            value = loads(line)
        except JsonInvalid as error:
            raise malformed(_JSONL, f"line {number}: {error.detail}") from error
        if not isinstance(value, dict):
            raise malformed(_JSONL, f"line {number} is not an object")
        yield number, value


def write_jsonl(rows: Sequence[Mapping[str, Any]], file: BinaryIO, options: Options) -> None:
    file.writelines(dumps(dict(row)) + b"\n" for row in rows)


def _bounded_lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(MAX_LINE_BYTES + 1):
        if len(line) > MAX_LINE_BYTES:
            raise malformed(_CSV, f"a line is longer than {MAX_LINE_BYTES // 1024 // 1024} MB")
        yield line


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if len(names) > MAX_COLUMNS:
        raise malformed(_CSV, f"it has more than {MAX_COLUMNS} columns")
    if len(set(names)) != len(names) or "" in names:
        raise malformed(_CSV, "a column of its header is unnamed or named twice")
    return names


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = scalar_text(value) if not isinstance(value, Decimal) else format(value, "f")
    return dumps(value).decode() if text is None else text


def _encoding(options: Options, *, writing: bool = False) -> str:
    """A byte order mark is read over, and not written."""
    return "utf-8-sig" if options.encoding == "utf-8" and not writing else options.encoding
