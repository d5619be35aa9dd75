"""The embedded PostgreSQL: made with a password and checksums, reachable by a private socket only."""

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
from ipaas.launcher.ports import free_port
from ipaas.launcher.program import Program, base_environment

SUPERUSER = DATABASE = "ipaas"
PORT = "5432"  # names the socket only: a durable server does not listen on TCP

TUNING = {
    "max_connections": "200",
    "shared_buffers": "128MB",
    "effective_cache_size": "512MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "synchronous_commit": "on",
    "wal_compression": "pglz",  # this build has no lz4
    "max_wal_size": "1GB",
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

    @classmethod
    def prepare(cls, layout: Layout, *, durable: bool = True) -> "Postgres":
        """Find the programs and make the cluster, unless it is there."""
        folder = binaries.postgres_folder(layout)
        binaries.check_runs([folder / "postgres", "--version"])
        password = ensure_password(layout.keys, "postgres_password")
        port = PORT if durable else str(free_port())
        server = cls(layout, folder, layout.socket_folder(), password, durable, port)
        server._ensure_cluster()
        return server

    @property
    def url(self) -> str:
        """Understood by libpq, psycopg and Django alike. Tests reach their server by TCP, as connectors do."""
        if not self.durable:
            return f"postgresql://{SUPERUSER}:{quote(self.password, safe='')}@127.0.0.1:{self.port}/{DATABASE}"
        return f"postgresql://{SUPERUSER}:{quote(self.password, safe='')}@/{DATABASE}?host={quote(str(self.sockets))}"

    @property
    def version(self) -> str:
        return binaries.POSTGRES.version

    def program(self) -> Program:
        values = {**TUNING, **({} if self.durable else THROW_AWAY)}
        options = [part for name, value in values.items() for part in ("-c", f"{name}={value}")]
        address = "" if self.durable else "127.0.0.1"
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

    def ensure_database(self) -> None:
        if not self._psql(f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"):  # noqa: S608 - a constant
            self._psql(f"CREATE DATABASE {DATABASE}")

    def _psql(self, statement: str) -> str:
        argv = [str(self.bin / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", str(self.sockets), "-p", self.port]
        done = subprocess.run(
            [*argv, "-U", SUPERUSER, "-d", "postgres", "-c", statement],
            env={**base_environment(), "PGPASSWORD": self.password},
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

    def _check_major(self, place: Path) -> None:
        have = (place / "PG_VERSION").read_text().strip()
        if have != self.version.split(".", maxsplit=1)[0]:
            raise LauncherError(
                f"{place} was made by PostgreSQL {have}, the installed one is {self.version}. Dump it with the "
                "release that made it (pg_dump), move the folder away, start again and restore."
            )
