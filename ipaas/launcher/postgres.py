"""The embedded PostgreSQL: made with a password and checksums, reachable by a private socket only.

With a ``warehouse`` it also listens on one loopback port, where a single role is let into a single database: what the
demo writes to over TCP, as connectors do. The product's own database is never reachable there.
"""

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ipaas.launcher import binaries
from ipaas.launcher.errors import LauncherError
from ipaas.launcher.keys import ensure_password
from ipaas.launcher.layout import Layout
from ipaas.launcher.ports import free_port, stable_port
from ipaas.launcher.program import Program, base_environment

SUPERUSER = DATABASE = "ipaas"
WAREHOUSE = "warehouse"  # the demo's database and the only role that may use it
LOOPBACK = "127.0.0.1"
PORT = "5432"  # names the socket only, unless the server listens on TCP

# Every commit waits while a new segment of the log is filled with zeros: 4 MB hold them up a quarter as long as 16.
WAL_SEGMENT_MB = 4
TUNING = {
    "max_connections": "200",
    "shared_buffers": "64MB",
    "effective_cache_size": "512MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "synchronous_commit": "on",
    "wal_compression": "pglz",  # this build has no lz4
    "max_wal_size": "1GB",
    "min_wal_size": "256MB",  # segments are used again rather than made anew
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    "random_page_cost": "1.1",
    "jit": "off",
    "io_method": "sync",
    "max_worker_processes": "4",
    "max_logical_replication_workers": "0",
    "autovacuum_naptime": "30s",
    "autovacuum_max_workers": "2",
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_analyze_scale_factor": "0.05",
    "autovacuum_vacuum_insert_scale_factor": "0.2",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}
HBA_LOCAL = f"local all {WAREHOUSE} reject\nlocal all all scram-sha-256\n"
HBA_WAREHOUSE = f"host {WAREHOUSE} {WAREHOUSE} {LOOPBACK}/32 scram-sha-256\n"
HBA_THROW_AWAY = f"host all all {LOOPBACK}/32 scram-sha-256\n"
# Whoever holds the role owns the database and nothing else. Repeatable; \gexec runs the text that a row gives.
MAKE_WAREHOUSE = f"""
SELECT 'CREATE ROLE {WAREHOUSE}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{WAREHOUSE}') \\gexec
ALTER ROLE {WAREHOUSE} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT 40 PASSWORD :'password';
SELECT 'CREATE DATABASE {WAREHOUSE} OWNER {WAREHOUSE}'
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{WAREHOUSE}') \\gexec
REVOKE ALL ON DATABASE {WAREHOUSE} FROM PUBLIC;
"""  # noqa: S608 - constants; the password is quoted by psql
THROW_AWAY = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "autovacuum": "off"}


@dataclass(frozen=True)
class Postgres:
    """One cluster. ``durable`` off is for tests only: a crash may lose or damage it."""

    layout: Layout
    bin: Path
    sockets: Path
    password: str
    durable: bool = True
    port: str = PORT
    warehouse: bool = False

    @classmethod
    def prepare(cls, layout: Layout, *, durable: bool = True, warehouse: bool = False) -> "Postgres":
        """Find the programs and make the cluster, unless it is there."""
        folder = binaries.postgres_folder(layout)
        binaries.check_runs([folder / "postgres", "--version"])
        password = ensure_password(layout.keys, "postgres_password")
        port = PORT
        if not durable:
            port = str(free_port())
        elif warehouse:
            port = str(stable_port(f"{layout.data}/{WAREHOUSE}"))
        server = cls(layout, folder, layout.socket_folder(), password, durable, port, warehouse)
        server._ensure_cluster()
        server._write_hba()
        return server

    @property
    def url(self) -> str:
        """Understood by libpq, psycopg and Django alike. Tests reach their server by TCP, as connectors do."""
        if not self.durable:
            return f"postgresql://{SUPERUSER}:{quote(self.password, safe='')}@{LOOPBACK}:{self.port}/{DATABASE}"
        where = f"host={quote(str(self.sockets))}" + ("" if self.port == PORT else f"&port={self.port}")
        return f"postgresql://{SUPERUSER}:{quote(self.password, safe='')}@/{DATABASE}?{where}"

    @property
    def warehouse_url(self) -> str:
        """Where the demo's warehouse is; empty without one."""
        if not self.warehouse:
            return ""
        password = quote(self._warehouse_password, safe="")
        return f"postgresql://{WAREHOUSE}:{password}@{LOOPBACK}:{self.port}/{WAREHOUSE}?sslmode=disable"

    @property
    def _warehouse_password(self) -> str:
        return ensure_password(self.layout.keys, "warehouse_password")

    @property
    def _listens(self) -> bool:
        return self.warehouse or not self.durable

    @property
    def version(self) -> str:
        return binaries.POSTGRES.version

    def program(self) -> Program:
        values = {**TUNING, **({} if self.durable else THROW_AWAY)}
        options = [part for name, value in values.items() for part in ("-c", f"{name}={value}")]
        address = LOOPBACK if self._listens else ""
        base = [str(self.bin / "postgres"), "-D", str(self.layout.postgres), "-k", str(self.sockets), "-h", address]
        return Program(
            name="postgres",
            argv=(*base, "-p", self.port, *options),
            log=self.layout.log_of("postgres"),
            cwd=self.layout.data,
            stage=5,
            env=base_environment(),
            identity=self.layout.servers,
            stop_signal=signal.SIGINT,
            stop_timeout_s=30.0,
            probe=self.is_ready,
        )

    def is_ready(self) -> bool:
        argv = [str(self.bin / "pg_isready"), "-q", "-h", str(self.sockets), "-p", self.port]
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0

    def ensure_databases(self) -> None:
        if not self._psql(f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"):  # noqa: S608 - a constant
            self._psql(f"CREATE DATABASE {DATABASE}")
        if self.warehouse:
            self._psql("\\getenv password WAREHOUSE_PASSWORD\n" + MAKE_WAREHOUSE)

    def _psql(self, script: str) -> str:
        """Run a script; passwords reach it by environment, where other users see neither."""
        argv = [str(self.bin / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", str(self.sockets), "-p", self.port]
        passwords = {"PGPASSWORD": self.password}
        if self.warehouse:
            passwords["WAREHOUSE_PASSWORD"] = self._warehouse_password
        done = subprocess.run(
            [*argv, "-U", SUPERUSER, "-d", "postgres", "-f", "-"],
            input=script,
            env={**base_environment(), **passwords},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise LauncherError(f"The embedded PostgreSQL refused a statement: {done.stderr.strip()}")
        return done.stdout.strip()

    def _ensure_cluster(self) -> None:
        """Make the cluster beside its place and move it there whole, so that half a cluster is never taken for one."""
        place = self.layout.postgres
        if place.exists():
            self._check_major(place)
            return
        owner = self.layout.servers
        draft = place.with_name("pg.new")
        shutil.rmtree(draft, ignore_errors=True)
        owner.make_folder(draft)
        secret = owner.write_file(self.sockets / "password", self.password + "\n")
        argv = [str(self.bin / "initdb"), "-D", str(draft), "-U", SUPERUSER, "--auth=scram-sha-256"]
        options = ["--pwfile", str(secret), "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"]
        options.append(f"--wal-segsize={WAL_SEGMENT_MB}")
        extra = ["--data-checksums"] if self.durable else ["--no-data-checksums", "--no-sync"]
        done = subprocess.run(
            [*argv, *options, *extra],
            cwd=self.sockets,
            env=base_environment(),
            preexec_fn=owner.become,
            capture_output=True,
            text=True,
            check=False,
        )
        secret.unlink()
        if done.returncode:
            raise LauncherError(f"initdb failed: {done.stderr.strip()}\n{binaries.REMEDY}")
        os.rename(draft, place)

    def _write_hba(self) -> None:
        """Who may come in, and how; written at every start, since the demo may come and go."""
        lines = HBA_LOCAL + (HBA_WAREHOUSE if self.warehouse else "") + ("" if self.durable else HBA_THROW_AWAY)
        self.layout.servers.write_file(self.layout.postgres / "pg_hba.conf", lines)

    def _check_major(self, place: Path) -> None:
        have = (place / "PG_VERSION").read_text().strip()
        if have != self.version.split(".", maxsplit=1)[0]:
            raise LauncherError(
                f"{place} was made by PostgreSQL {have}, the installed one is {self.version}. Dump it with the "
                "release that made it (pg_dump), move the folder away, start again and restore."
            )
