"""Reading an input by its description. Runs in the process apart; see ``__init__`` for the other side."""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO
from urllib.parse import parse_qsl

from ipaas.core import apart, jsonio
from ipaas.mapping.formats import fixed, segments
from ipaas.mapping.formats.errors import failed
from ipaas.mapping.formats.structure import Cursor, Part, each, items_of, whole
from ipaas.sdk.errors import ActionError
from ipaas.sdk.formats import Options, numbered_rows
from ipaas.sdk.formats.xml import NotXml, Shape, read_document

MAX_WHOLE_BYTES = 64 * 1024 * 1024
_BATCH_BYTES = 128 * 1024
_WHOLE = jsonio.JsonLimits(max_bytes=MAX_WHOLE_BYTES, max_depth=64, max_keys=2_000_000, max_string=MAX_WHOLE_BYTES)
Numbered = tuple[int, Any]


def whole_task(spec: dict[str, Any], file: BinaryIO, give: apart.Give) -> None:
    """In the child: the one value of an input, as JSON."""
    text = jsonio.dumps(read_whole(spec, file))
    if len(text) > MAX_WHOLE_BYTES:
        raise failed(f"it is larger than {MAX_WHOLE_BYTES >> 20} MB when it is read; map it record by record")
    give(text)


def records_task(spec: dict[str, Any], file: BinaryIO, give: apart.Give) -> None:
    """In the child: lists of ``[line, record]`` as JSON."""
    batch: list[bytes] = []
    size = 0
    for line, record in read_records(spec, file):
        batch.append(jsonio.dumps([line, record]))
        size += len(batch[-1])
        if size > _BATCH_BYTES:
            give(b"[" + b",".join(batch) + b"]")
            batch, size = [], 0
    give(b"[" + b",".join(batch) + b"]")


def read_whole(spec: Mapping[str, Any], file: BinaryIO) -> Any:
    """The source that a mapping sees of an input that is taken as a whole."""
    kind = spec["format"]
    if kind == "json":
        return [value for _, value in read_records(spec, file)] if spec.get("lines") else _json(file.read())
    if kind == "xml":
        return _xml(spec, file.read())
    if kind == "form":
        return _form(spec, file.read())
    if kind in ("fixed", "segments") and "structure" in spec:
        return whole(items_of(spec["structure"]), Cursor(_parts(spec, file), _UNITS[kind]))
    return [value for _, value in read_records(spec, file)]


def read_records(spec: Mapping[str, Any], file: BinaryIO) -> Iterator[Numbered]:
    """The records of an input with the line (segment) that each begins at, one after the other."""
    kind = spec["format"]
    try:
        if kind in _ROWS:
            yield from numbered_rows(_ROWS[kind], file, _options(spec))
        elif kind == "json":
            rows = numbered_rows("jsonl", file, Options()) if spec.get("lines") else _json_records(spec, file)
            yield from rows
        elif kind in _UNITS:
            yield from _structured(spec, file)
        else:
            yield 1, _form(spec, file.read())
    except ActionError as error:
        raise failed(str(error.message)) from error


_ROWS = {"csv": "csv", "xml": "xml", "xlsx": "excel"}
_UNITS = {"fixed": "line", "segments": segments.SEGMENT}


def _options(spec: Mapping[str, Any]) -> Options:
    told = {name: spec[name] for name in ("delimiter", "encoding", "header", "columns", "sheet") if name in spec}
    row = str(spec.get("records", "row")) if spec["format"] == "xml" else "row"
    return Options(**told, row=row, lists=spec.get("lists", ()), namespaces=spec.get("namespaces", {}))


def _parts(spec: Mapping[str, Any], file: BinaryIO) -> Iterator[Part]:
    return fixed.read_parts(file, spec) if spec["format"] == "fixed" else segments.read_parts(file, spec)


def _structured(spec: Mapping[str, Any], file: BinaryIO) -> Iterator[Numbered]:
    parts = _parts(spec, file)
    if "structure" in spec:
        cursor = Cursor(parts, _UNITS[spec["format"]])
        yield from each(items_of(spec["structure"]), str(spec.get("records", "")), cursor)
    else:
        one_kind = "fields" in spec
        name = "line" if spec["format"] == "fixed" else "segment"
        yield from ((part.number, part.value if one_kind else {name: part.name, **part.value}) for part in parts)


def _json(data: bytes) -> Any:
    try:
        return jsonio.loads(data.removeprefix(b"\xef\xbb\xbf"), limits=_WHOLE)
    except jsonio.JsonInvalid as error:
        raise failed(str(error.detail)) from error


class _Twice(ValueError):
    """A name stands twice in an object; which value was meant is not known."""


class _Once(dict[str, Any]):
    """An object as it is read: as strict as JSON that is read as a whole."""

    def __setitem__(self, name: str, value: Any) -> None:
        if name in self:
            raise _Twice
        super().__setitem__(name, value)


def _json_records(spec: Mapping[str, Any], file: BinaryIO) -> Iterator[Numbered]:
    import ijson  # only where a file is read record by record

    path = spec.get("records")
    prefix = f"{path}.item" if isinstance(path, str) and path else "item"
    number = 0
    try:
        for number, value in enumerate(ijson.items(file, prefix, map_type=_Once), start=1):
            yield number, jsonio.loads(jsonio.dumps(value))
    except _Twice as error:
        raise failed("a name stands twice in an object behind it", line=number or None, unit="record") from error
    except (ijson.JSONError, UnicodeDecodeError, ValueError, OverflowError) as error:
        raise failed("the text is not JSON behind it", line=number or None, unit="record") from error
    except jsonio.JsonInvalid as error:
        raise failed(str(error.detail), line=number + 1, unit="record") from error


def _xml(spec: Mapping[str, Any], data: bytes) -> dict[str, Any]:
    try:
        return read_document(data, Shape.of(spec.get("lists", ()), spec.get("namespaces", {})))
    except NotXml as error:
        raise failed(str(error)) from error


def _form(spec: Mapping[str, Any], data: bytes) -> dict[str, Any]:
    """Names with brackets lead inside (``a[b]=1``); a name that stands twice, and those described so, are lists."""
    if len(data) > _WHOLE.max_string:
        raise failed("the form is too large")
    try:
        pairs = parse_qsl(
            data.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(data.strip()),
            errors="strict",
            encoding=spec.get("encoding", "utf-8"),
            max_num_fields=100_000,
        )
    except ValueError as error:
        raise failed("it is not a form (name=value&…, percent-encoded)") from error
    found: dict[str, Any] = {}
    for name, value in pairs:
        _put(found, name, value)
    for name in spec.get("lists", ()):
        if name in found and not isinstance(found[name], list):
            found[name] = [found[name]]
    return found


def _put(found: dict[str, Any], name: str, value: str) -> None:
    head, *rest = name.replace("]", "").split("[")
    steps = [head, *rest] if name.count("[") == name.count("]") == len(rest) and len(rest) < 20 else [name]
    for step in steps[:-1]:
        inner = found.setdefault(step, {})
        if not isinstance(inner, dict):
            raise failed(f"{name[:60]} stands beside {step[:60]}, which is a value")
        found = inner
    last = steps[-1]
    if last == "" and len(steps) > 1:
        raise failed(f"{name[:60]} has no name between its brackets; say the name without brackets and repeat it")
    if last not in found:
        found[last] = value
    elif isinstance(found[last], list):
        found[last].append(value)
    elif isinstance(found[last], dict):
        raise failed(f"{name[:60]} stands beside names inside of it")
    else:
        found[last] = [found[last], value]
