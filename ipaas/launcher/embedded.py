"""The servers an instance talks to: its own embedded ones, or those that DATABASE_URL and REDIS_URL name."""

import os
from dataclasses import dataclass

from ipaas.launcher.errors import LauncherError
from ipaas.launcher.layout import Layout
from ipaas.launcher.postgres import Postgres
from ipaas.launcher.supervisor import Supervisor
from ipaas.launcher.valkey import Valkey

READY_S = 60.0
WAREHOUSE_SETTING = "IPAAS_DEMO_WAREHOUSE_URL"


@dataclass(frozen=True)
class Servers:
    """Addresses of PostgreSQL and Redis, and which of them are ours."""

    database_url: str
    redis_url: str
    versions: dict[str, str]
    warehouse_url: str = ""

    @property
    def settings(self) -> dict[str, str]:
        given = {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}
        return {**given, WAREHOUSE_SETTING: self.warehouse_url} if self.warehouse_url else given


def start_servers(supervisor: Supervisor, layout: Layout, *, durable: bool = True, warehouse: bool = False) -> Servers:
    """Start what is not given from outside, and wait until it answers.

    ``warehouse``: a database for the demo to write to, unless a setting names one; only in an embedded server.
    """
    warehouse_url = os.environ.get(WAREHOUSE_SETTING, "")
    database_url, redis_url = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
    versions: dict[str, str] = {}
    started = []
    postgres = None
    if not database_url:
        postgres = Postgres.prepare(layout, durable=durable, warehouse=warehouse and not warehouse_url)
        started.append(supervisor.start(postgres.program()).program.name)
        database_url, versions["postgres"] = postgres.url, postgres.version
    if not redis_url:
        valkey = Valkey.prepare(layout, durable=durable)
        started.append(supervisor.start(valkey.program()).program.name)
        redis_url, versions["valkey"] = valkey.url, valkey.version
    if late := supervisor.wait_ready(started, READY_S):
        logs = ", ".join(str(layout.log_of(name)) for name in late)
        raise LauncherError(f"{' and '.join(late)} did not start; see {logs}.")
    if postgres is not None:
        postgres.ensure_databases()
        warehouse_url = warehouse_url or postgres.warehouse_url
    return Servers(database_url, redis_url, versions, warehouse_url)
