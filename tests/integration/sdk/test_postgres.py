"""The PostgreSQL connector against a real server."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.conf import settings

from ipaas.core.errors import ErrorClass
from ipaas.sdk.errors import ActionError
from ipaas.sdk.loader import load_folder
from tests.integration.sdk.io import Io

CONNECTOR = load_folder(Path(__file__).resolve().parents[3] / "connectors" / "postgres")


@pytest.fixture
def table() -> Iterator[tuple[Io, str]]:
    database = settings.DATABASES["default"]
    name = f"kit_{uuid4().hex}"
    schema = f"{name}_s"
    host, port = database["HOST"] or "127.0.0.1", int(database["PORT"] or 5432)
    login = {"user": database["USER"], "password": database["PASSWORD"] or "unused"}
    with psycopg.connect(host=host, port=port, dbname=database["NAME"], autocommit=True, **login) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        connection.execute(f"CREATE TABLE {schema}.orders (number text PRIMARY KEY, total numeric, doc jsonb)")
        config = {
            "host": "127.0.0.1",
            "port": port,
            "database": database["NAME"],
            "sslmode": "disable",
            "effects_table": f"{schema}.effects",
        }
        yield Io(config, {"username": login["user"], "password": login["password"]}), f"{schema}.orders"
        connection.execute(f"DROP SCHEMA {schema} CASCADE")


async def rows(io: Io, table: str) -> list[dict[str, Any]]:
    result = await CONNECTOR.execute("query", {"sql": f"SELECT * FROM {table} ORDER BY number"}, io)
    found: list[dict[str, Any]] = result.data["rows"]
    return found


async def test_upserts_repeat_without_a_second_row(table: tuple[Io, str]) -> None:
    io, name = table
    params = {"table": name, "key": ["number"], "rows": [{"number": "A", "total": Decimal("1.10"), "doc": {"x": [1]}}]}
    for _ in range(2):
        await CONNECTOR.execute("upsert_rows", params, io)
    assert await rows(io, name) == [{"number": "A", "total": Decimal("1.10"), "doc": {"x": [1]}}]
    assert io.reached


async def test_an_insert_with_a_known_effect_key_writes_nothing(table: tuple[Io, str]) -> None:
    io, name = table
    first = await CONNECTOR.execute("insert_rows", {"table": name, "rows": [{"number": "A"}]}, io)
    again = await CONNECTOR.execute("insert_rows", {"table": name, "rows": [{"number": "B"}]}, io)
    assert (first.data["repeated"], again.data["repeated"]) == (False, True)
    assert [row["number"] for row in await rows(io, name)] == ["A"]


async def test_rows_are_written_all_or_not_at_all(table: tuple[Io, str]) -> None:
    io, name = table
    twice = [{"number": "A"}, {"number": "A"}]
    with pytest.raises(ActionError) as caught:
        await CONNECTOR.execute("insert_rows", {"table": name, "rows": twice}, io)
    assert caught.value.error_class is ErrorClass.BUSINESS_REJECTION
    assert caught.value.applied is False
    assert await rows(io, name) == []
    assert (await CONNECTOR.execute("insert_rows", {"table": name, "rows": [{"number": "A"}]}, io)).data["written"] == 1


@pytest.mark.parametrize(
    ("sql", "error_class"),
    [
        ("CREATE TABLE never (x int)", ErrorClass.CONFIGURATION),
        ("SELECT nonsense", ErrorClass.CONFIGURATION),
        ("SELECT 1/0", ErrorClass.CONTRACT_VIOLATION),
        ("SELECT generate_series(1, 2000)", ErrorClass.CONTRACT_VIOLATION),
    ],
)
async def test_a_query_cannot_write_and_its_errors_quote_nothing(
    table: tuple[Io, str], sql: str, error_class: ErrorClass
) -> None:
    with pytest.raises(ActionError) as caught:
        await CONNECTOR.execute("query", {"sql": sql}, table[0])
    assert caught.value.error_class is error_class
    assert "nonsense" not in caught.value.detail


async def test_values_are_bound_and_names_are_checked(table: tuple[Io, str]) -> None:
    io, name = table
    evil = "x'); DROP TABLE orders; --"
    await CONNECTOR.execute("upsert_rows", {"table": name, "key": ["number"], "rows": [{"number": evil}]}, io)
    assert [row["number"] for row in await rows(io, name)] == [evil]
    with pytest.raises(ActionError):
        await CONNECTOR.execute("upsert_rows", {"table": 'a"b', "key": ["number"], "rows": [{"number": "x"}]}, io)


async def test_a_wrong_database_is_told_without_its_password(table: tuple[Io, str]) -> None:
    io = Io({**table[0].config, "database": "no_such_database"}, {"username": "dev", "password": "canary-pw"})
    with pytest.raises(ActionError) as caught:
        await CONNECTOR.execute("query", {"sql": "SELECT 1"}, io)
    assert "canary-pw" not in str(caught.value)
    assert not caught.value.sent


async def test_a_statement_that_gives_millions_ends_early(table: tuple[Io, str]) -> None:
    with pytest.raises(ActionError) as caught:
        await CONNECTOR.execute("query", {"sql": "SELECT generate_series(1, 50000000)", "max_rows": 10}, table[0])
    assert caught.value.vendor_code == "too_many_rows"


async def test_a_poll_gives_every_row_once_also_those_of_one_moment(table: tuple[Io, str]) -> None:
    io, name = table
    await CONNECTOR.execute(
        "upsert_rows",
        {"table": name, "key": ["number"], "rows": [{"number": f"N{n}", "total": n // 3} for n in range(7)]},
        io,
    )
    polled_from = {"poll_table": name, "poll_order_by": "total", "poll_key": "number"}
    io.config |= CONNECTOR.with_config_defaults({**io.config, **polled_from})
    params = {"table": name, "order_by": "total", "key": "number", "limit": 2}
    seen, after = [], None
    while True:
        page = (await CONNECTOR.execute("poll_rows", {**params, "after": after}, io)).data
        seen += [item["row"]["number"] for item in page["items"]]
        after = page["next"]
        if not page["more"]:
            break
    assert seen == [f"N{n}" for n in range(7)]
    polled = await CONNECTOR.poll("new_rows", None, io)
    assert (len(polled.items), polled.more) == (7, False)
    assert (await CONNECTOR.poll("new_rows", polled.cursor, io)).items == []
    io.config["poll_table"] = None
    with pytest.raises(ActionError) as caught:
        await CONNECTOR.poll("new_rows", None, io)
    assert caught.value.error_class is ErrorClass.CONFIGURATION
