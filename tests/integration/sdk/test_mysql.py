"""The MySQL connector against a real MariaDB (Debian's mariadb-server-core)."""

import getpass
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pymysql
import pytest

from ipaas.core.errors import ErrorClass
from ipaas.sdk.errors import ActionError
from ipaas.sdk.loader import load_folder
from tests.integration.sdk.io import Io
from tests.integration.sdk.servers import free_port, running

CONNECTOR = load_folder(Path(__file__).resolve().parents[3] / "connectors" / "mysql")
pytestmark = pytest.mark.skipif(shutil.which("mariadbd") is None, reason="needs Debian's mariadb-server-core")
ADMIN = {"user": "root", "password": ""}


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[int, str]]:
    """A server of this module; its port and its socket."""
    with TemporaryDirectory(prefix="mdb") as folder:
        user, port, path = getpass.getuser(), free_port(), f"{folder}/s"
        data = [f"--datadir={folder}/data", f"--user={user}"]
        install = ["mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run([*install, *data], check=True, capture_output=True)
        options = [
            f"--socket={path}",
            f"--port={port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--skip-networking=0",
        ]
        quick = ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=16M", "--skip-log-bin"]
        command = ["mariadbd", "--no-defaults", *data, *options, *quick]
        with running(command, says=b"ready for connections"):
            with pymysql.connect(unix_socket=path, **ADMIN) as admin, admin.cursor() as cursor:
                cursor.execute("CREATE DATABASE shop")
                cursor.execute("CREATE USER flow@'127.0.0.1' IDENTIFIED BY 'flow-pw'")
                cursor.execute("GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON shop.* TO flow@'127.0.0.1'")
            yield port, path


@pytest.fixture
def place(server: tuple[int, str]) -> Iterator[tuple[Io, str]]:
    port, path = server
    table = f"orders_{uuid4().hex}"
    with (
        pymysql.connect(unix_socket=path, database="shop", autocommit=True, **ADMIN) as admin,
        admin.cursor() as cursor,
    ):
        cursor.execute(
            f"CREATE TABLE {table} (number varchar(20) PRIMARY KEY, total decimal(10,2), doc json, raw varbinary(20),"
            " changed_at datetime(6))"
        )
        config = {
            "host": "127.0.0.1",
            "port": port,
            "database": "shop",
            "tls": "disable",
            "effects_table": f"n_{table}",
        }
        yield Io(config, {"username": "flow", "password": "flow-pw"}), table
        cursor.execute(f"DROP TABLE IF EXISTS {table}, n_{table}")


async def call(io: Io, action: str, **params: Any) -> Any:
    return (await CONNECTOR.execute(action, params, io)).data


async def refused(io: Io, action: str, **params: Any) -> ActionError:
    with pytest.raises(ActionError) as caught:
        await call(io, action, **params)
    assert "flow-pw" not in str(caught.value)
    return caught.value


async def test_rows_are_written_by_key_once_and_read_back(place: tuple[Io, str]) -> None:
    io, table = place
    evil = "x'); DROP -- \\"
    row = {"number": evil, "total": Decimal("1.10"), "doc": {"x": ["ü"]}, "changed_at": "2026-01-05T08:00:00.5"}
    for _ in range(2):
        assert (await call(io, "upsert_rows", table=table, key=["number"], rows=[row]))["written"] == 1
    found = await call(io, "query", sql=f"SELECT * FROM {table} WHERE number = %s", values=[evil])
    assert found["rows"] == [
        {**row, "doc": '{"x":["ü"]}', "changed_at": "2026-01-05T08:00:00.500000", "raw": None},
    ]
    first = await call(io, "insert_rows", table=table, rows=[{"number": "A"}])
    again = await call(io, "insert_rows", table=table, rows=[{"number": "B"}])
    assert (first["repeated"], again["repeated"]) == (False, True)
    assert io.reached[0][0] == "127.0.0.1"


async def test_rows_are_written_all_or_not_at_all(place: tuple[Io, str]) -> None:
    io, table = place
    error = await refused(io, "insert_rows", table=table, rows=[{"number": "A"}, {"number": "A"}])
    assert (error.error_class, error.sent, io.committed) == (ErrorClass.BUSINESS_REJECTION, False, 0)
    assert (await call(io, "query", sql=f"SELECT * FROM {table}"))["rows"] == []
    assert (await call(io, "insert_rows", table=table, rows=[{"number": "A"}]))["written"] == 1


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("INSERT INTO {} (number) VALUES ('x')", ErrorClass.CONFIGURATION),
        ("CREATE TABLE never (x int)", ErrorClass.CONFIGURATION),
        ("SELECT nonsense", ErrorClass.CONFIGURATION),
        ("SELECT 1; DELETE FROM {}", ErrorClass.CONFIGURATION),
        ("SELECT * FROM mysql.user", ErrorClass.AUTH),
        ("SELECT * FROM seq_1_to_50000000", ErrorClass.CONTRACT_VIOLATION),
        ("SELECT SLEEP(60)", ErrorClass.TIMEOUT),
    ],
)
async def test_a_query_cannot_write_and_is_bounded(
    place: tuple[Io, str], sql: str, expected: ErrorClass, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ipaas.sdk.transports.mysql._TIMEOUT_S", 0.3 if "SLEEP" in sql else 25)
    error = await refused(place[0], "query", sql=sql.format(place[1]))
    assert error.error_class is expected
    assert not error.sent
    assert "nonsense" not in error.detail


async def test_a_poll_gives_every_row_once_also_those_of_one_moment(place: tuple[Io, str]) -> None:
    io, table = place
    rows = [{"number": f"N{n}", "changed_at": f"2026-01-05T08:00:0{n // 3}"} for n in range(7)]
    await call(io, "upsert_rows", table=table, key=["number"], rows=rows)
    seen, after, more = [], None, True
    while more:
        page = await call(io, "poll_rows", table=table, order_by="changed_at", key="number", limit=2, after=after)
        seen += [item["row"]["number"] for item in page["items"]]
        after, more = page["next"], page["more"]
    assert seen == [f"N{n}" for n in range(7)]


async def test_a_wrong_password_and_missing_tls_are_told_apart(place: tuple[Io, str]) -> None:
    io = place[0]
    assert (await refused(Io(io.config, {**io.secrets, "password": "no"}), "query", sql="SELECT 1")).error_class is (
        ErrorClass.AUTH
    )
    plain = await refused(Io({**io.config, "tls": "require"}, io.secrets), "query", sql="SELECT 1")
    assert (plain.error_class, plain.vendor_code) == (ErrorClass.CONFIGURATION, "mysql_2026")


async def test_a_server_that_falls_silent_or_babbles_is_passing(place: tuple[Io, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        io = Io({**place[0].config, "port": listener.getsockname()[1]}, place[0].secrets)

        def serve() -> None:
            peer, _ = listener.accept()
            peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            peer.close()

        thread = threading.Thread(target=serve)
        thread.start()
        error = await refused(io, "query", sql="SELECT 1")
        thread.join()
    assert error.error_class in (ErrorClass.TRANSIENT, ErrorClass.INTERNAL)
    assert not error.sent
