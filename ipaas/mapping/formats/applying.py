"""Mappings with formats at their edges: a text or a file goes in, a text or a file comes out."""

import time
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, BinaryIO, ClassVar

from ipaas.core import jsonio
from ipaas.core.errors import ErrorClass, IpaasError
from ipaas.mapping.engine import MAX_SECONDS, CompiledMapping
from ipaas.mapping.errors import MappingFailed
from ipaas.mapping.formats import BINARY, inputs
from ipaas.mapping.formats.errors import FormatFailed, failed
from ipaas.mapping.formats.writing import write, writer_of

MAX_RECORDS = 100_000
"""In one run of a step, whose output stands in memory as a whole."""
JSON_FORMAT: Mapping[str, Any] = {"format": "json"}


class RecordFailed(IpaasError):
    """Record {number} ({unit} {line}): {reason}"""

    status = 422
    code = "mapping.record"
    title = "Record not mapped"
    remedy = "Correct the record, or the mapping that does not expect it."
    error_class: ClassVar[ErrorClass] = ErrorClass.CONTRACT_VIOLATION


@dataclass(frozen=True, slots=True)
class FormattedMapping(CompiledMapping):
    """A compiled mapping whose source is read, and whose target is written, as the document says."""

    input: Mapping[str, Any] | None = None
    output: Mapping[str, Any] | None = None

    @property
    def in_thread(self) -> bool:
        return True  # a process apart is waited for

    def apply(
        self,
        source: Any,
        scope: Mapping[str, Any] | None = None,
        *,
        within_s: float = MAX_SECONDS,
        place: str = "",
    ) -> Any:
        """The target of a text (or ``{base64: …}``): a text where an output is described, a workbook in Base64.

        Raises FormatFailed, RecordFailed and what a mapping without formats raises.
        """
        stop = time.monotonic() + within_s
        if self.input is None or not self.input.get("records"):
            value = self.source(source)
            target = CompiledMapping.apply(self, value, scope, within_s=within_s, place=place)
        else:
            target = []
            for record in self.mapped(raw(self.input, source), scope or {}, place):
                target.append(record)
                if len(target) > MAX_RECORDS or time.monotonic() > stop:
                    raise failed(f"{len(target)} records are more than one step takes; divide the input")
        return target if self.output is None else carried(self.output, write(self.output, target))

    def source(self, given: Any) -> Any:
        """What expressions see of an input that is taken as a whole."""
        if self.input is None:
            return given
        if self.input["format"] == "json" and not isinstance(given, str | bytes) and not _is_file(given):
            return given  # read already
        return inputs.read(self.input, raw(self.input, given))

    def sources(self, given: Any) -> Iterator[Any]:
        """The same of each record, where the input has records."""
        if self.input is None or not self.input.get("records"):
            yield self.source(given)
            return
        for _number, _line, value in inputs.records(self.input, raw(self.input, given)):
            yield value

    def mapped(self, file: bytes | BinaryIO, scope: Mapping[str, Any], place: str = "") -> Iterator[Any]:
        """The target of each record, as they are read."""
        spec = self.input or JSON_FORMAT
        unit = {"segments": "segment", "json": "line" if spec.get("lines") else "element"}.get(spec["format"], "line")
        unit = "row" if spec["format"] in ("xml", "xlsx") else unit
        for number, line, value in inputs.records(spec, file):
            try:
                yield CompiledMapping.apply(self, value, scope, place=f"{place}#{number}")
            except MappingFailed as error:
                raise RecordFailed(number=number, unit=unit, line=line, reason=str(error.detail)) from error


def with_formats(compiled: CompiledMapping, content: Mapping[str, Any]) -> CompiledMapping:
    """The same mapping, with the formats of its document where it has some."""
    if not content.get("input") and not content.get("output"):
        return compiled
    known = {one.name: getattr(compiled, one.name) for one in fields(CompiledMapping)}
    return FormattedMapping(**known, input=content.get("input"), output=content.get("output"))


def convert(
    mapping: CompiledMapping, source: bytes | BinaryIO, target: BinaryIO, scope: Mapping[str, Any] | None = None
) -> int:
    """Map a file into another; gives the number of records. With ``records`` memory does not grow with the file."""
    formatted = mapping if isinstance(mapping, FormattedMapping) else with_formats(mapping, {"output": JSON_FORMAT})
    if not isinstance(formatted, FormattedMapping):
        raise AssertionError
    spec, output = formatted.input or JSON_FORMAT, formatted.output or JSON_FORMAT
    if not spec.get("records"):
        value = inputs.read(spec, source)
        made = CompiledMapping.apply(formatted, value, scope)
        target.write(write(output, made))
        return 1
    writer, number = writer_of(output, target), 0
    for number, record in enumerate(formatted.mapped(source, scope or {}), start=1):
        try:
            writer.add(record)
        except FormatFailed as error:
            raise RecordFailed(number=number, unit="record", line=number, reason=str(error.detail)) from error
    writer.end()
    return number


def raw(spec: Mapping[str, Any], given: Any) -> bytes:
    """The bytes of what a step was given. Raises FormatFailed."""
    if isinstance(given, bytes):
        return given
    if _is_file(given) or (isinstance(given, str) and spec["format"] in BINARY):
        try:
            return b64decode(given if isinstance(given, str) else given["base64"], validate=True)
        except (ValueError, TypeError) as error:
            raise failed("the input is not Base64") from error
    if not isinstance(given, str):
        if spec["format"] == "json":
            return jsonio.dumps(given)
        raise failed(f"the input is a text, or a file as {{base64: …}}; this is a {type(given).__name__}")
    try:
        return given.encode("utf-8" if spec["format"] in ("json", "xml", "form") else spec.get("encoding", "utf-8"))
    except UnicodeEncodeError as error:
        raise failed(f"the input has a character that {spec['encoding']} does not") from error


def _is_file(given: Any) -> bool:
    return isinstance(given, Mapping) and isinstance(given.get("base64"), str)


def carried(spec: Mapping[str, Any], made: bytes) -> str:
    """What was written, as a text that a step's output can hold."""
    return b64encode(made).decode("ascii") if spec["format"] in BINARY else made.decode(spec.get("encoding", "utf-8"))


def sample_source(content: Mapping[str, Any], text: str) -> Any:
    """What a mapping sees of a sample written in the format of its input; of records the first.

    Raises FormatFailed, JsonInvalid and what the process apart may raise.
    """
    spec = content.get("input")
    if not spec:
        return jsonio.loads(text or "{}")
    given = raw(spec, text)
    if not spec.get("records"):
        return inputs.read(spec, given)
    first = next(inputs.records(spec, given), None)
    if first is None:
        raise failed("the sample has no record")
    return first[2]


def sample_output(content: Mapping[str, Any], target: Any) -> str | None:
    """What is written of a target, None for a mapping without an output. Raises FormatFailed."""
    spec = content.get("output")
    if not spec:
        return None
    many = bool((content.get("input") or {}).get("records"))
    return carried(spec, write(spec, [target] if many else target))
