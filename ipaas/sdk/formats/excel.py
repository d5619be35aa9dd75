"""Excel workbooks (.xlsx): one sheet, its first line naming the columns."""

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.workbook.child import INVALID_TITLE_REGEX

from ipaas.core.jsonio import dumps
from ipaas.sdk.formats import MAX_COLUMNS, Options, Row, columns_of, malformed, unwritable
from ipaas.sdk.transports.rows import plain

MAX_UNPACKED_BYTES = 256 * 1024 * 1024
MAX_RATIO = 200
MAX_MEMBERS = 2000
MAX_TEXT = 32_767
_EXCEL = "Excel"
_SMALL = 1024 * 1024


def read(file: BinaryIO, options: Options) -> Iterator[Row]:
    """Rows of the sheet named, else of the first; formulas as they were last computed, dates in ISO 8601."""
    _refuse_bombs(file)
    try:
        book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        if options.sheet and options.sheet not in book.sheetnames:
            raise malformed(_EXCEL, f"it has no sheet {options.sheet[:60]}")
        sheet = book[options.sheet or book.sheetnames[0]]
        sheet.reset_dimensions()  # what the file says of its own size is not to be trusted
        yield from _rows(sheet.iter_rows(values_only=True), options)
    except (zipfile.BadZipFile, InvalidFileException, ParseError, DefusedXmlException) as error:
        raise malformed(_EXCEL, "it is damaged or no workbook") from error
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, EOFError) as error:
        raise malformed(_EXCEL, f"it cannot be understood ({type(error).__name__})") from error


def _rows(lines: Iterator[tuple[Any, ...]], options: Options) -> Iterator[Row]:
    columns: list[str] = [] if options.header else list(options.columns)
    for cells in lines:
        if all(cell is None for cell in cells):
            continue
        if options.header and not columns:
            columns = _header(cells)
            continue
        columns = columns or [f"c{number}" for number in range(1, len(cells) + 1)]
        beyond = cells[len(columns) :]
        if any(cell is not None for cell in beyond):
            raise malformed(_EXCEL, "a row has more cells than there are columns")
        values = [plain(cell) for cell in cells[: len(columns)]]
        yield {**dict.fromkeys(columns), **dict(zip(columns, values, strict=False))}


def _header(cells: tuple[Any, ...]) -> list[str]:
    names = ["" if cell is None else str(cell).strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    if len(names) > MAX_COLUMNS or len(set(names)) != len(names) or "" in names:
        raise malformed(_EXCEL, "a column of its first line is unnamed or named twice, or there are too many")
    return names


def write(rows: Sequence[Mapping[str, Any]], file: BinaryIO, options: Options) -> None:
    """Texts stay texts: one that begins with = is no formula. Numbers keep fifteen digits, as Excel does."""
    columns = columns_of(rows, options)
    lines = [list(columns)] if options.header else []
    lines += [[_value(row.get(name)) for name in columns] for row in rows]
    for line in lines:
        for value in line:
            if isinstance(value, str) and (len(value) > MAX_TEXT or ILLEGAL_CHARACTERS_RE.search(value)):
                raise unwritable(_EXCEL, f"a text holds a control character or more than {MAX_TEXT} characters")
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_sheet_name(options.sheet or "rows"))
    for line in lines:
        sheet.append([_cell(sheet, value) for value in line])
    book.save(file)


def _value(value: Any) -> Any:
    plain_one = value is None or isinstance(value, str | bool | int | float | Decimal)
    return value if plain_one else dumps(value).decode()


def _cell(sheet: Any, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, value=value)
    cell.data_type = "s"
    return cell


def _sheet_name(name: str) -> str:
    if INVALID_TITLE_REGEX.search(name) or len(name) > 31:
        raise unwritable(_EXCEL, "a sheet's name has at most 31 characters and none of \\ / * ? : [ ]")
    return name


def _refuse_bombs(file: BinaryIO) -> None:
    """By what the archive says of itself; its members are never read beyond that."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise malformed(_EXCEL, "it is damaged or no workbook") from error
    unpacked = sum(member.file_size for member in members)
    packed_small = any(
        member.file_size > _SMALL and member.file_size > MAX_RATIO * max(1, member.compress_size) for member in members
    )
    if unpacked > MAX_UNPACKED_BYTES or packed_small or len(members) > MAX_MEMBERS:
        raise malformed(_EXCEL, "it would unpack to far more than it is")
    file.seek(0)
