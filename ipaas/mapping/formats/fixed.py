"""Lines of fixed width: each field at its place, with its type."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, BinaryIO

from ipaas.mapping.formats.errors import failed
from ipaas.mapping.formats.structure import Part
from ipaas.sdk.bodies import scalar_text

MAX_LINE = 1024 * 1024
_TYPES_OF_RIGHT = ("integer", "decimal")


@dataclass(frozen=True, slots=True)
class Field:
    """One field; ``start`` counts characters from 0."""

    name: str
    start: int
    length: int
    type: str
    decimals: int | None
    form: str
    right: bool
    pad: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of line, known by a text at a place."""

    name: str
    fields: tuple[Field, ...]
    at: int
    text: str

    @property
    def width(self) -> int:
        return max((field.start + field.length for field in self.fields), default=0)


def lines_of(spec: Mapping[str, Any]) -> tuple[Line, ...]:
    """The kinds of lines of a valid description."""
    if "fields" in spec:
        return (Line("line", _fields(spec["fields"]), 0, ""),)
    return tuple(
        Line(one["name"], _fields(one["fields"]), one["when"].get("start", 1) - 1, one["when"]["text"])
        for one in spec["lines"]
    )


def _fields(told: Sequence[Mapping[str, Any]]) -> tuple[Field, ...]:
    found: list[Field] = []
    following = 0
    for one in told:
        start = one["start"] - 1 if "start" in one else following
        kind = one.get("type", "text")
        right = one.get("align", "right" if kind in _TYPES_OF_RIGHT else "left") == "right"
        pad = one.get("pad", "0" if kind in _TYPES_OF_RIGHT else " ")
        found.append(
            Field(
                one["name"],
                start,
                one["length"],
                kind,
                one.get("decimals"),
                one.get("format", "%Y%m%d"),
                right,
                pad,
                one.get("value"),
            )
        )
        following = start + one["length"]
    return tuple(found)


def read_parts(file: BinaryIO, spec: Mapping[str, Any]) -> Iterator[Part]:
    """The lines with the name of their kind; empty lines are passed over."""
    kinds = lines_of(spec)
    for number, text in _texts(file, spec):
        kind = next((one for one in kinds if text.startswith(one.text, one.at)), None)
        if kind is None:
            if spec.get("unknown") == "skip":
                continue
            raise failed("it is of no kind that is described", line=number)
        yield Part(number, kind.name, {one.name: _value(one, text, number) for one in kind.fields})


def _texts(file: BinaryIO, spec: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    encoding, width = spec.get("encoding", "utf-8"), spec.get("line_length")
    number = 0
    while raw := file.read(width) if width else file.readline(MAX_LINE + 1):
        number += 1
        if len(raw) > MAX_LINE:
            raise failed(f"it is longer than {MAX_LINE // 1024 // 1024} MB", line=number)
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            raise failed(f"it is not {encoding}", line=number) from None
        text = text if width else text.rstrip("\r\n").removeprefix("\ufeff" if number == 1 else "")
        if text.strip("\x1a \0"):
            yield number, text


def _value(field: Field, text: str, number: int) -> Any:
    raw = text[field.start : field.start + field.length]
    raw = raw.lstrip(field.pad) if field.right and field.type == "text" else raw
    raw = raw.rstrip(field.pad) if not field.right else raw
    bare = raw.strip()
    if field.type == "text":
        return bare if field.pad == " " else raw
    if not bare:
        return None
    try:
        return _number(field, bare) if field.type in _TYPES_OF_RIGHT else _date(field, bare)
    except (ValueError, InvalidOperation):
        raise failed(f"{field.name} is not a {field.type}", line=number) from None


def _number(field: Field, text: str) -> int | Decimal:
    text = text[-1] + text[:-1] if text[-1] in "+-" else text  # the sign may stand behind
    if field.type == "integer":
        if not text.lstrip("+-").isdigit() or not text.isascii():
            raise ValueError
        return int(text)
    found = Decimal(text)
    if not found.is_finite():
        raise ValueError
    return found.scaleb(-field.decimals) if field.decimals and "." not in text else found


def _date(field: Field, text: str) -> str | None:
    if not text.strip("0"):
        return None
    found = datetime.strptime(text, field.form)  # noqa: DTZ007 - files of this kind name no zone
    with_time = any(directive in field.form for directive in ("%H", "%I"))
    return found.isoformat() if with_time else found.date().isoformat()


def write_line(line: Line, value: Any, spec: Mapping[str, Any], place: str) -> bytes:
    """One line of an object. Raises FormatFailed for what is too long or of another type."""
    if not isinstance(value, Mapping):
        raise failed(f"{place} is no object")
    unknown = set(value) - {field.name for field in line.fields}
    if unknown:
        raise failed(f"{place}.{min(unknown)} has no place in the line {line.name}")
    cells = [" "] * max(spec.get("line_length", 0), line.width, line.at + len(line.text))
    cells[line.at : line.at + len(line.text)] = line.text
    for field in line.fields:
        text = _text(field, value.get(field.name, field.value), f"{place}.{field.name}")
        if text is not None:
            cells[field.start : field.start + field.length] = text
    end = "" if "line_length" in spec else spec.get("line_end", "\r\n")
    try:
        return ("".join(cells) + end).encode(spec.get("encoding", "utf-8"))
    except UnicodeEncodeError:
        raise failed(f"{place}: a character has no place in {spec['encoding']}") from None


def _text(field: Field, value: Any, place: str) -> str | None:
    if value is None:
        return field.pad * field.length if field.type == "text" else " " * field.length
    text = _written(field, value, place)
    if len(text) > field.length:
        raise failed(f"{place} has {len(text)} characters, {field.length} have place")
    if field.right and text.startswith("-") and field.pad == "0":
        return "-" + text[1:].rjust(field.length - 1, "0")
    return text.rjust(field.length, field.pad) if field.right else text.ljust(field.length, field.pad)


def _written(field: Field, value: Any, place: str) -> str:
    text = scalar_text(value)
    if text is None or "\n" in text or "\r" in text:
        raise failed(f"{place} is not one line of text, a number or a boolean")
    try:
        if field.type == "date":
            return datetime.fromisoformat(text).strftime(field.form)
        if field.type not in _TYPES_OF_RIGHT:
            return text
        number = Decimal(text).scaleb(field.decimals or 0) if field.decimals else Decimal(text)
        if (field.decimals or field.type == "integer") and number != number.to_integral_value():
            raise failed(f"{place} has more digits behind the point than have place")
        return format(number.to_integral_value() if field.decimals or field.type == "integer" else number, "f")
    except (ValueError, InvalidOperation):
        raise failed(f"{place} is not a {field.type}") from None
