"""The embedded servers, really started: as this user, and as root with an unprivileged one."""

import os
import signal
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from ipaas.launcher import binaries
from ipaas.launcher import layout as layouts
from ipaas.launcher.embedded import Servers, start_servers
from ipaas.launcher.keys import ensure_keys
from ipaas.launcher.layout import Layout, open_layout
from ipaas.launcher.supervisor import Supervisor

pytestmark = pytest.mark.usefixtures("own_servers")


@pytest.fixture
def layout(home: Path) -> Layout:
    found = open_layout(home)
    ensure_keys(found.keys)
    return found


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    with Supervisor() as found:
        yield found


def pid_of(supervisor: Supervisor, name: str) -> int:
    process = supervisor.children[name].process
    assert process is not None
    return process.pid


def write(servers: Servers) -> None:
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (id int)")
        connection.execute("INSERT INTO kept VALUES (1)")


def rows(servers: Servers) -> int:
    with psycopg.connect(servers.database_url) as connection:
        found = connection.execute("SELECT count(*) FROM kept").fetchone()
    assert found is not None
    return int(found[0])


def test_both_answer_under_their_addresses(supervisor: Supervisor, layout: Layout) -> None:
    servers = start_servers(supervisor, layout, durable=False)
    write(servers)

    assert rows(servers) == 1
    with closing(redis.Redis.from_url(servers.redis_url)) as client:
        assert client.ping()
    assert servers.versions.keys() == {"postgres", "valkey"}


def test_neither_lets_anyone_in_without_the_password(supervisor: Supervisor, layout: Layout) -> None:
    servers = start_servers(supervisor, layout, durable=False)
    wrong = servers.database_url.replace(urlsplit(servers.database_url).password or "", "guess")

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)
    port = urlsplit(servers.redis_url).port
    with closing(redis.Redis(port=port or 0)) as client, pytest.raises(redis.AuthenticationError):
        client.ping()
    assert stat.S_IMODE((layout.data / "run").stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user run the servers")
def test_root_has_an_unprivileged_user_run_them(supervisor: Supervisor, layout: Layout) -> None:
    start_servers(supervisor, layout, durable=False)

    for name in ("postgres", "valkey"):
        assert Path(f"/proc/{pid_of(supervisor, name)}").stat().st_uid == layout.servers.owner != 0


def test_killed_database_comes_back_with_what_was_committed(supervisor: Supervisor, layout: Layout) -> None:
    servers = start_servers(supervisor, layout)
    write(servers)
    before = pid_of(supervisor, "postgres")

    os.kill(before, signal.SIGKILL)
    while supervisor.children["postgres"].restarts == 0:
        supervisor.pause(0.5)

    assert supervisor.wait_ready(["postgres"], 30) == []
    assert pid_of(supervisor, "postgres") != before
    assert rows(servers) == 1


def test_second_start_finds_the_data_of_the_first(home: Path, layout: Layout) -> None:
    with Supervisor() as first:
        write(start_servers(first, layout))
    with Supervisor() as second:
        assert rows(start_servers(second, open_layout(home))) == 1


def test_cluster_that_was_half_made_is_made_anew(supervisor: Supervisor, layout: Layout) -> None:
    layout.servers.make_folder(layout.data / "pg.new")
    (layout.data / "pg.new" / "PG_VERSION").write_text("18\n")

    start_servers(supervisor, layout, durable=False)

    assert not (layout.data / "pg.new").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user run the servers")
def test_programs_are_copied_where_their_user_can_reach_them(
    supervisor: Supervisor, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "can_enter", lambda *_: False)

    servers = start_servers(supervisor, layout, durable=False)
    write(servers)

    program = Path(f"/proc/{pid_of(supervisor, 'postgres')}/exe").readlink()
    assert program.is_relative_to(layout.binaries)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user run the servers")
def test_home_of_mode_700_is_served_from_elsewhere(
    supervisor: Supervisor, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layouts, "SYSTEM_DATA", home.parent / "var")
    home.mkdir(mode=0o700)
    layout = open_layout(home)
    ensure_keys(layout.keys)

    write(start_servers(supervisor, layout, durable=False))

    assert layout.data.is_relative_to(home.parent / "var")
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def refused(url: str, **changes: str) -> str:
    """Why a connection to the warehouse's port is not let in."""
    with pytest.raises(psycopg.OperationalError) as found:
        psycopg.connect(url, connect_timeout=5, **changes)
    return str(found.value)


def test_the_warehouse_is_all_that_can_be_reached_over_tcp(supervisor: Supervisor, layout: Layout) -> None:
    servers = start_servers(supervisor, layout, warehouse=True)
    warehouse, product = servers.warehouse_url, urlsplit(servers.database_url)

    assert servers.settings["IPAAS_DEMO_WAREHOUSE_URL"] == warehouse
    with psycopg.connect(warehouse, autocommit=True) as connection:
        connection.execute("CREATE TABLE orders (id text)")
        row = connection.execute(
            "SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = 'warehouse'"
        )
        assert row.fetchone() == (False,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE ROLE other")
    assert "no pg_hba.conf entry" in refused(warehouse, dbname="ipaas")
    assert "no pg_hba.conf entry" in refused(warehouse, dbname="postgres")
    assert "no pg_hba.conf entry" in refused(warehouse, user="ipaas", password=product.password or "", dbname="ipaas")
    assert "password authentication failed" in refused(warehouse, password="guess")
    assert "pg_hba.conf rejects" in refused(servers.database_url, user="warehouse")


def test_the_warehouse_keeps_its_rows_and_address_over_a_restart(layout: Layout) -> None:
    addresses = []
    for _ in range(2):
        with Supervisor() as supervisor:
            servers = start_servers(supervisor, layout, warehouse=True)
            addresses.append(servers.warehouse_url)
            with psycopg.connect(servers.warehouse_url, autocommit=True) as connection:
                connection.execute("CREATE TABLE IF NOT EXISTS kept (id int)")
                connection.execute("INSERT INTO kept VALUES (1)")
                counted = connection.execute("SELECT count(*) FROM kept").fetchone()
    assert addresses[0] == addresses[1]
    assert counted == (2,)


def test_without_a_warehouse_nothing_listens_on_tcp(layout: Layout) -> None:
    with Supervisor() as supervisor:
        address = start_servers(supervisor, layout, warehouse=True).warehouse_url
    with Supervisor() as supervisor:
        servers = start_servers(supervisor, layout)
        assert servers.warehouse_url == ""
        assert "IPAAS_DEMO_WAREHOUSE_URL" not in servers.settings
        assert "refused" in refused(address)


def test_a_warehouse_named_by_the_settings_is_used_instead(
    supervisor: Supervisor, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IPAAS_DEMO_WAREHOUSE_URL", "postgresql://me@db.example/stock")
    servers = start_servers(supervisor, layout, warehouse=True)

    assert servers.warehouse_url == "postgresql://me@db.example/stock"
    assert urlsplit(servers.database_url).hostname is None
