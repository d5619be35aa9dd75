"""Inputs read by a process apart, whole or record by record."""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from ipaas.core import apart, jsonio
from ipaas.mapping.formats.errors import FormatFailed, failed

LIMITS = apart.Limits(memory_bytes=1024 * 1024 * 1024, cpu_s=60, wall_s=120.0)
FILE_LIMITS = apart.Limits(
    memory_bytes=512 * 1024 * 1024, cpu_s=3600, wall_s=4 * 3600.0, output_bytes=64 * 1024 * 1024 * 1024
)
"""Of a file that is mapped record by record: it may take long, in little memory."""
_BATCH = jsonio.JsonLimits(max_bytes=96 * 1024 * 1024, max_depth=66, max_keys=4_000_000, max_string=64 * 1024 * 1024)


def read(spec: Mapping[str, Any], source: bytes | BinaryIO) -> Any:
    """The source that a mapping sees of an input taken as a whole. Raises FormatFailed."""
    (text,) = _frames("whole_task", spec, source, LIMITS)
    return _loads(text)


def records(spec: Mapping[str, Any], source: bytes | BinaryIO) -> Iterator[tuple[int, int, Any]]:
    """Number (from 1), line and value of each record, as they are read. Raises FormatFailed where one is not good."""
    number = 0
    for batch in _frames("records_task", spec, source, FILE_LIMITS):
        for line, value in _loads(batch):
            number += 1
            yield number, line, value


def _loads(text: bytes) -> Any:
    try:
        return jsonio.loads(text, limits=_BATCH)
    except jsonio.JsonInvalid as error:  # such as a NUL, which no value of a run holds
        raise failed(str(error.detail)) from error


def _frames(task: str, spec: Mapping[str, Any], source: bytes | BinaryIO, limits: apart.Limits) -> Iterator[bytes]:
    loads = {"xlsx": ["ipaas.sdk.formats.excel"], "json": ["ijson"]}.get(spec["format"], [])
    try:
        yield from apart.frames(f"ipaas.mapping.formats.reading:{task}", dict(spec), source, limits, loads=loads)
    except apart.Refused as refused:
        if refused.name != "FormatFailed":
            raise apart.ApartFailed(name=refused.name, place="reading") from refused
        raise FormatFailed(**refused.fields["params"]) from refused
    except apart.ApartLimit as error:
        raise failed("reading it takes too much memory or time; divide it, or map it record by record") from error
