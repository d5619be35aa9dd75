"""The columns that the engine sends are what psycopg would send for the same lists."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import adapters
from psycopg.adapt import PyFormat, Transformer
from psycopg.types.array import ListBinaryDumper
from psycopg.types.json import Jsonb

from ipaas.core.pg_arrays import column, columns

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "bytea": st.binary(max_size=40),
    "text": st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40),
    "float8": st.floats(allow_nan=False),
    "timestamptz": st.datetimes(
        min_value=datetime(1900, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7, minutes=-30))]),
    ),
    "numeric": st.decimals(-(10**14), 10**14, places=4),
    "uuid": st.uuids(),
}


def by_psycopg(values: list[Any]) -> bytes:
    dumper = ListBinaryDumper(list, Transformer(adapters))
    key = dumper.get_key(values, PyFormat.BINARY)
    upgraded = dumper if key is list else dumper.upgrade(values, PyFormat.BINARY)
    return bytes(upgraded.dump(values))  # type: ignore[arg-type]  # never None for a list


@pytest.mark.parametrize("kind", sorted(VALUES))
def test_column_is_what_psycopg_sends(kind: str) -> None:
    @given(values=st.lists(VALUES[kind], min_size=1, max_size=6))
    def check(values: list[Any]) -> None:
        ours, theirs = bytearray(column(kind, values).data), by_psycopg(values)
        ours[4:8] = theirs[4:8]  # "may hold nulls" is always said and never needed
        assert bytes(ours) == theirs

    check()


@pytest.mark.parametrize(("kind", "width", "value"), [("smallint", 2, -3), ("integer", 4, 70_000)])
def test_numbers_have_the_width_of_their_type(kind: str, width: int, value: int) -> None:
    assert column(kind, [value]).data[20:] == width.to_bytes(4, "big") + value.to_bytes(width, "big", signed=True)


def test_jsonb_has_a_version_before_its_text() -> None:
    assert column("jsonb", ['{"a":1}']).data == by_psycopg([Jsonb({"a": 1}, dumps=lambda _: '{"a":1}')]).replace(
        b"\0\0\0\0\0\0\x0e\xda", b"\0\0\0\1\0\0\x0e\xda"
    )


def test_null_has_no_bytes() -> None:
    assert column("uuid", [None, UUID(int=1)]).data[20:24] == b"\xff\xff\xff\xff"


def test_no_rows_give_empty_columns() -> None:
    assert [len(found.data) for found in columns(("uuid", "text"), [])] == [20, 20]
