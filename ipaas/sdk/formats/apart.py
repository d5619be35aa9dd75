"""Rows of files read in a process apart: a file that is made to harm takes nobody along."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, BinaryIO

from ipaas.core import apart, jsonio
from ipaas.core.errors import ErrorClass
from ipaas.sdk.errors import ActionError
from ipaas.sdk.formats import Options, Row, read_rows, window

_BATCH_BYTES = 128 * 1024
_BATCH = jsonio.JsonLimits(max_bytes=64 * 1024 * 1024, max_depth=128, max_keys=2_000_000, max_string=64 * 1024 * 1024)
_LIBRARIES: dict[str, Any] = {
    "excel": {"loads": ["ipaas.sdk.formats.excel"]},
    "parquet": {"loads": ["pyarrow.parquet"], "helper": "parquet"},
}
"""What a helper loads once; pyarrow is large and has one of its own."""


def rows_apart(
    kind: str,
    file: BinaryIO,
    options: Options,
    *,
    offset: int = 0,
    limit: int | None = None,
    limits: apart.Limits | None = None,
) -> Iterator[Row]:
    """Like ``read_rows``, from ``offset`` on and up to ``limit`` and one more.

    Raises ActionError (contract violation) also for a file whose reading takes too much memory or time.
    """
    params = {"kind": kind, "options": asdict(options), "offset": offset, "limit": limit}
    try:
        for batch in apart.frames(f"{__name__}:rows_task", params, file, limits, **_LIBRARIES.get(kind, {})):
            yield from jsonio.loads(batch, limits=_BATCH)
    except apart.Refused as refused:
        fields = refused.fields
        raise ActionError(ErrorClass(fields["error_class"]), fields["vendor_code"], fields["message"]) from refused
    except apart.ApartLimit as error:
        message = f"Reading the file as {kind} took too much memory or time. Divide it, or read fewer rows of it."
        raise ActionError(ErrorClass.CONTRACT_VIOLATION, "file_too_heavy", message) from error
    except (apart.ApartBusy, apart.ApartFailed) as error:
        raise ActionError(error.error_class, error.code, str(error)) from error


def rows_task(params: dict[str, Any], file: BinaryIO, give: apart.Give) -> None:
    """In the child: lists of rows as JSON texts, each of no more than a row above _BATCH_BYTES."""
    rows: Iterator[Row] = read_rows(params["kind"], file, Options(**params["options"]))
    if params["limit"] is not None:
        rows = window(rows, params["offset"], params["limit"])
    batch: list[bytes] = []
    size = 0
    for row in rows:
        batch.append(jsonio.dumps(row))
        size += len(batch[-1])
        if size > _BATCH_BYTES:
            give(b"[" + b",".join(batch) + b"]")
            batch, size = [], 0
    give(b"[" + b",".join(batch) + b"]")
