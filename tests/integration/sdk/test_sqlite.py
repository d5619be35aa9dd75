"""The SQLite connector upon real files."""

import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ipaas.core.errors import ErrorClass
from ipaas.sdk.errors import ActionError
from ipaas.sdk.loader import load_folder
from tests.integration.sdk.io import Io

CONNECTOR = load_folder(Path(__file__).resolve().parents[3] / "connectors" / "sqlite")


@pytest.fixture
def io(tmp_path: Path) -> Io:
    root = tmp_path / "acme"
    (root / "sub").mkdir(parents=True)
    outside = tmp_path / "outside.db"
    for place in (root / "sub" / "shop.db", outside):
        connection = sqlite3.connect(place)
        connection.execute("CREATE TABLE orders (number TEXT PRIMARY KEY, total NUMERIC, doc TEXT, raw BLOB)")
        connection.execute("CREATE TABLE log (id INTEGER PRIMARY KEY, word TEXT NOT NULL)")
        connection.commit()
        connection.close()
    (root / "link.db").symlink_to(outside)
    (root / "out").symlink_to(tmp_path)
    return Io({"file": "sub/shop.db"}, files=root)


async def call(io: Io, action: str, **params: Any) -> Any:
    return (await CONNECTOR.execute(action, params, io)).data


async def refused(io: Io, action: str, **params: Any) -> ActionError:
    with pytest.raises(ActionError) as caught:
        await call(io, action, **params)
    return caught.value


async def test_rows_are_written_by_key_once_and_read_back(io: Io) -> None:
    rows = [{"number": "A", "total": Decimal("1.10"), "doc": {"x": [1]}}]
    for _ in range(2):
        await call(io, "upsert_rows", table="orders", key=["number"], rows=rows)
    await call(io, "upsert_rows", table="orders", key=["number"], rows=[{"number": "A", "total": 2}])
    found = await call(io, "query", sql="SELECT * FROM orders WHERE number = ?", values=["A"])
    assert found == {"rows": [{"number": "A", "total": 2, "doc": '{"x":[1]}', "raw": None}], "count": 1}
    first = await call(io, "insert_rows", table="log", rows=[{"word": "a"}])
    again = await call(io, "insert_rows", table="log", rows=[{"word": "b"}])
    assert (first, again) == ({"written": 1, "repeated": False}, {"written": 0, "repeated": True})
    assert io.committed == 5


async def test_rows_are_written_all_or_not_at_all_and_classed(io: Io) -> None:
    error = await refused(io, "insert_rows", table="log", rows=[{"word": "a"}, {"word": None}])
    assert (error.error_class, error.sent, io.committed) == (ErrorClass.BUSINESS_REJECTION, False, 0)
    assert (await call(io, "query", sql="SELECT * FROM log"))["rows"] == []
    assert (await call(io, "insert_rows", table="log", rows=[{"word": "a"}]))["written"] == 1
    big = await refused(io, "query", sql="SELECT ?", values=[2**70])
    assert big.error_class is ErrorClass.CONTRACT_VIOLATION


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO log (word) VALUES ('x')",
        "ATTACH DATABASE '../outside.db' AS other",
        "PRAGMA writable_schema = 1",
        "SELECT 1; SELECT 2",
        "SELECT load_extension('x')",
        "SELECT nonsense",
    ],
)
async def test_a_query_writes_nothing_and_reaches_nothing_else(io: Io, sql: str) -> None:
    error = await refused(io, "query", sql=sql)
    assert error.error_class in (ErrorClass.CONFIGURATION, ErrorClass.CONTRACT_VIOLATION)
    assert "nonsense" not in error.detail


@pytest.mark.parametrize(
    "file", ["link.db", "out/outside.db", "../outside.db", "sub/../../outside.db", "none.db", "sub"]
)
async def test_no_way_leads_out_of_the_folder(io: Io, file: str) -> None:
    io.config["file"] = file
    error = await refused(io, "query", sql="SELECT 1")
    assert error.error_class in (ErrorClass.CONFIGURATION, ErrorClass.CONTRACT_VIOLATION)
    assert not (io.files or Path()).joinpath("none.db").exists()


async def test_names_are_quoted_and_rows_are_bounded(io: Io) -> None:
    await refused(io, "upsert_rows", table='log" (word) VALUES (1); --', key=["id"], rows=[{"id": 1}])
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    assert (await refused(io, "query", sql=many, max_rows=5)).vendor_code == "too_many_rows"


async def test_a_poll_gives_every_row_once(io: Io) -> None:
    io.config |= CONNECTOR.with_config_defaults({**io.config, "poll_table": "log", "poll_key": "id"})
    await call(io, "insert_rows", table="log", rows=[{"word": word} for word in "abc"])
    page = await CONNECTOR.poll("new_rows", None, io)
    assert [item.data["row"]["word"] for item in page.items] == ["a", "b", "c"]
    assert (await CONNECTOR.poll("new_rows", page.cursor, io)).items == []


async def test_a_locked_file_is_told_as_passing(io: Io, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipaas.sdk.transports.sqlite._BUSY_S", 0)
    other = sqlite3.connect((io.files or Path()) / "sub" / "shop.db")
    other.execute("BEGIN IMMEDIATE")
    error = await refused(io, "insert_rows", table="log", rows=[{"word": "a"}])
    other.close()
    assert (error.error_class, error.sent) == (ErrorClass.TRANSIENT, False)
