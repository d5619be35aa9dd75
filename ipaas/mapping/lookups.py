"""Lookup tables: rows found by a key, written as CSV, indexed once."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final

from ipaas.core import jsonio
from ipaas.core.document_forms import Finding, exact
from ipaas.core.phrases import said
from ipaas.expressions.limits import Budget
from ipaas.expressions.operators import as_number, kind_of, text_of
from ipaas.mapping.errors import RowMissing

MAX_ROWS: Final = 100_000
MAX_COLUMNS: Final = 60
MAX_FINDINGS: Final = 20
SETTINGS: Final = ("slug", "key", "columns", "returns", "match", "default")
_BOOLEANS = {"true": True, "false": False}

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a lookup by their key. ``returns`` is the one column that is the answer, else it is the whole row."""

    slug: str
    columns: tuple[str, ...]
    rows: Mapping[Any, tuple[int, Row]]
    identify: Callable[[Any], Any]
    returns: int | None
    default: tuple[Any, ...]

    def bind(self, name: str) -> Callable[..., Any]:
        """The function behind ``lookup('name', key)``; a third argument is what stands in for a missing row."""

        def find(budget: Budget, key: Any, instead: Callable[[], Any] | None = None) -> Any:
            budget.spend(2)
            found = self.rows.get(self.identify(key))
            if found is not None:
                number, row = found
                if budget.rows is not None:
                    budget.rows.append((name, number - 1))
                return row[self.returns] if self.returns is not None else dict(zip(self.columns, row, strict=True))
            if instead is not None:
                return instead()
            if self.default:
                return self.default[0]
            hint = "Add the row, or give a default: lookup('name', key, default)."
            raise RowMissing(f"the lookup {name!r} has no row for this key", hint=hint)

        return find


def compile_lookup(content: Mapping[str, Any]) -> Table:
    """The table of a valid lookup document; the same content is indexed once per process."""
    settings = {name: content[name] for name in SETTINGS if name in content}
    return _table(content["csv"], jsonio.dumps(settings).decode())


@lru_cache(maxsize=64)
def _table(text: str, settings: str) -> Table:
    content = exact(jsonio.loads(settings))
    reader = _Reader(content, text)
    rows = {key: (number, row) for number, key, row in reader.keyed()}
    returns = reader.columns.index(content["returns"]) if "returns" in content else None
    default = (content["default"],) if "default" in content else ()
    return Table(content["slug"], tuple(reader.columns), rows, reader.identity, returns, default)


def row_keys(content: Mapping[str, Any]) -> list[str]:
    """The keys of the rows of a valid document, in the order of the rows, for people."""
    reader = _Reader(content, content["csv"])
    places = [reader.columns.index(name) for name in reader.keys]
    return [", ".join(str(row[place]) for place in places) for _, _, row in reader.keyed()]


def lookup_findings(content: Mapping[str, Any]) -> list[Finding]:
    """What is wrong with the rows of a document of the right form."""
    found = []
    for finding in _Reader(content, content["csv"]).findings():
        found.append(finding)
        if len(found) == MAX_FINDINGS:
            break
    return found


class _Reader:
    """The CSV of one document."""

    def __init__(self, content: Mapping[str, Any], text: str) -> None:
        self.lines = csv.reader(io.StringIO(text, newline=None), strict=True)
        self.broken: csv.Error | None = None
        self.columns = self._header()
        key = content["key"]
        self.keys = [key] if isinstance(key, str) else list(key)
        self.kinds: Mapping[str, str] = content.get("columns", {})
        self.returns = content.get("returns")
        match = content.get("match", {})
        self.ignore_case = match.get("case") == "ignore"
        self.trim = match.get("trim", False)

    def _header(self) -> list[str]:
        try:
            return [name.strip() for name in next(self.lines, [])]
        except csv.Error as error:
            self.broken = error
            return []

    def findings(self) -> Iterator[Finding]:
        if self.broken is not None:
            yield self._no_csv(self.broken)
            return
        if heads := list(self._heads()):
            yield from heads
            return
        seen: dict[Any, int] = {}
        places = [self.columns.index(name) for name in self.keys]
        try:
            for number, cells in self._rows():
                row, wrong = self._row(number, cells)
                yield from wrong
                if wrong:
                    continue
                key = self._key([row[place] for place in places])
                if key in seen:
                    yield _bad(number, said("has the key of row {other}", other=seen[key]))
                seen.setdefault(key, number)
        except csv.Error as error:
            yield self._no_csv(error)

    def _no_csv(self, error: csv.Error) -> Finding:
        return Finding("/csv", "lookup.csv", said("line {line}: {error}", line=self.lines.line_num, error=str(error)))

    def _heads(self) -> Iterator[Finding]:
        if not self.columns or len(self.columns) > MAX_COLUMNS:
            yield Finding("/csv", "lookup.columns", said("the first line names 1 to {most} columns", most=MAX_COLUMNS))
        elif len(set(self.columns)) != len(self.columns) or "" in self.columns:
            yield Finding("/csv", "lookup.columns", said("every column has a name of its own in the first line"))
        named = [("/key", name) for name in self.keys] + [("/columns", name) for name in self.kinds]
        if self.returns is not None:
            named.append(("/returns", self.returns))
        for path, name in named:
            if name not in self.columns:
                yield Finding(path, "lookup.column", said("there is no column {name!r}", name=name))

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        number = 0
        for cells in self.lines:
            if not cells:
                continue
            number += 1
            if number > MAX_ROWS:
                message = f"there are more than {MAX_ROWS} rows"
                raise csv.Error(message)
            yield number, cells

    def _row(self, number: int, cells: list[str]) -> tuple[Row, list[Finding]]:
        if len(cells) != len(self.columns):
            words = said("has {count} cells, {wanted} are needed", count=len(cells), wanted=len(self.columns))
            return (), [_bad(number, words)]
        row, wrong = [], []
        for name, cell in zip(self.columns, cells, strict=True):
            kind = self.kinds.get(name, "text")
            try:
                row.append(_value(kind, cell))
            except ValueError:
                wrong.append(_bad(number, said("{column} is no {kind}", column=name, kind=kind)))
        return tuple(row), wrong

    def keyed(self) -> Iterator[tuple[int, Any, Row]]:
        """The rows of a valid document: number, key, row."""
        places = [self.columns.index(name) for name in self.keys]
        kinds = [self.kinds.get(name, "text") for name in self.columns]
        for number, cells in self._rows():
            row = tuple(_value(kind, cell) for kind, cell in zip(kinds, cells, strict=True))
            yield number, self._key([row[place] for place in places]), row

    def identity(self, given: Any) -> Any:
        """What a key of an expression is compared by; None where nothing can be equal to it."""
        if len(self.keys) == 1:
            return self._key([given])
        if isinstance(given, list | tuple) and len(given) == len(self.keys):
            return self._key(list(given))
        raise RowMissing(
            f"a list of {len(self.keys)} values is the key, this is {kind_of(given)}",
            hint=f"Write [{', '.join(self.keys)}].",
        )

    def _key(self, values: list[Any]) -> Any:
        parts = [self._part(self.kinds.get(name, "text"), value) for name, value in zip(self.keys, values, strict=True)]
        return parts[0] if len(parts) == 1 else tuple(parts)

    def _part(self, kind: str, value: Any) -> Any:
        if value is None or kind == "boolean":
            return value
        if kind == "number":
            return as_number(value)
        text = text_of(value)
        text = text.strip() if self.trim else text
        return text.casefold() if self.ignore_case else text


def _value(kind: str, cell: str) -> Any:
    if cell == "":
        return None
    if kind == "boolean":
        if cell not in _BOOLEANS:
            raise ValueError(cell)
        return _BOOLEANS[cell]
    if kind != "number":
        return cell
    try:
        number = Decimal(cell)
    except InvalidOperation:
        raise ValueError(cell) from None
    if not number.is_finite() or len(cell) > jsonio.JsonLimits.MAX_DIGITS or abs(number.adjusted()) > 200:
        raise ValueError(cell)
    return int(number) if cell.lstrip("-").isdigit() else number


def _bad(number: int, words: str) -> Finding:
    return Finding("/csv", "lookup.row", said("row {number} {words}", number=number, words=words))
