"""Parquet, by pyarrow where it is installed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from ipaas.core.errors import ErrorClass
from ipaas.sdk.errors import ActionError
from ipaas.sdk.formats import Options, Row, columns_of, malformed, unwritable
from ipaas.sdk.transports.rows import plain

MAX_GROUP_BYTES = 256 * 1024 * 1024
_PARQUET = "Parquet"
_BATCH = 1000
_MOST_AT_ONCE = 16 * 1024 * 1024
"""Bytes of texts that are made of one batch at a time: a text of some megabytes may stand in every row and once in
the file."""


def read(file: BinaryIO, options: Options) -> Iterator[Row]:
    """Rows of all row groups, a thousand at a time. Texts stay in their dictionary until they are a row's."""
    arrow, parquet = _pyarrow()
    try:
        texts = [one.name for one in parquet.read_schema(file) if _is_text(arrow, one.type)]
        file.seek(0)
        source = parquet.ParquetFile(file, read_dictionary=texts)
        groups = [source.metadata.row_group(number) for number in range(source.metadata.num_row_groups)]
        if any(group.total_byte_size > MAX_GROUP_BYTES for group in groups):
            raise malformed(_PARQUET, f"a row group is larger than {MAX_GROUP_BYTES // 1024 // 1024} MB")
        for batch in source.iter_batches(batch_size=_BATCH, columns=list(options.columns) or None, use_threads=False):
            for part in _parts(batch):
                for row in part.to_pylist():
                    yield {name: _plain(value) for name, value in row.items()}
    except (arrow.ArrowException, OSError, KeyError) as error:
        raise malformed(_PARQUET, "it is damaged, or not a Parquet file") from error


def write(rows: Sequence[Mapping[str, Any]], file: BinaryIO, options: Options) -> None:
    """Types follow the values; a column holds one type."""
    arrow, parquet = _pyarrow()
    columns = columns_of(rows, options)
    try:
        table = arrow.Table.from_pydict({name: [row.get(name) for row in rows] for name in columns})
        parquet.write_table(table, file, compression="zstd")
    except (arrow.ArrowException, TypeError, OverflowError, ValueError) as error:
        raise unwritable(_PARQUET, "a column holds values of several types, or of one that it does not know") from error


def _is_text(arrow: Any, kind: Any) -> bool:
    return bool(arrow.types.is_string(kind) or arrow.types.is_binary(kind))


def _parts(batch: Any) -> Iterator[Any]:
    """A batch in parts whose texts are no more than _MOST_AT_ONCE, however often each is used; one row at least."""
    longest = sum(column.dictionary.nbytes for column in batch.columns if hasattr(column, "dictionary"))
    rows = max(1, min(batch.num_rows, _MOST_AT_ONCE // max(1, longest)))
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return plain(value)


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        message = "Parquet needs pyarrow, which is not installed here: pip install 'ipaas[parquet]'."
        raise ActionError(ErrorClass.CONFIGURATION, "no_pyarrow", message) from error
    return pyarrow, pyarrow.parquet
