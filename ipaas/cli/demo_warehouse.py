"""The demo's warehouse: the database that shipped orders are written to, and what stands in it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import psycopg
from psycopg.rows import dict_row

from ipaas.config import settings
from ipaas.core.errors import InvalidInput

SETTING = "IPAAS_DEMO_WAREHOUSE_URL"
_TABLE = """
CREATE TABLE IF NOT EXISTS orders (
  order_id text PRIMARY KEY,
  number text NOT NULL,
  customer_id text NOT NULL,
  country text NOT NULL,
  currency text NOT NULL,
  total_minor bigint NOT NULL,
  line_count integer NOT NULL,
  charge_id text NOT NULL,
  tracking_number text NOT NULL,
  status text NOT NULL
)
"""
_MODES = ("verify-full", "require", "disable")


@dataclass(frozen=True, slots=True)
class Warehouse:
    """Address of the database and the login that may write to it."""

    host: str
    port: int
    database: str
    username: str
    password: str
    sslmode: str

    @classmethod
    def from_settings(cls) -> "Warehouse | None":
        """The warehouse that the settings name, or None. Raises InvalidInput."""
        given = settings().demo_warehouse_url
        return None if given is None or not given.get_secret_value() else cls.parse(given.get_secret_value())

    @classmethod
    def parse(cls, url: str) -> "Warehouse":
        """From ``postgresql://user:password@host:port/database?sslmode=…``."""
        try:
            parts = urlsplit(url)
            port = parts.port or 5432
        except ValueError:
            raise _invalid("is not an address") from None
        mode = parse_qs(parts.query).get("sslmode", [_MODES[0]])[-1]
        database = parts.path.strip("/")
        if parts.scheme not in ("postgresql", "postgres") or not parts.hostname or not parts.username or not database:
            raise _invalid("takes the form postgresql://user:password@host:5432/database?sslmode=verify-full")
        if mode not in _MODES:
            raise _invalid(f"has sslmode={mode}; it may be {', '.join(_MODES)}")
        return cls(parts.hostname, port, database, unquote(parts.username), unquote(parts.password or ""), mode)

    @property
    def target(self) -> str:
        """The entry of the egress allow-list that lets flows reach it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of its connection."""
        return {"host": self.host, "port": self.port, "database": self.database, "sslmode": self.sslmode}

    @property
    def login(self) -> dict[str, str]:
        return {"username": self.username, "password": self.password}

    def prepare(self) -> None:
        """Make the table, unless it is there."""
        with self._connect() as connection:
            connection.execute(_TABLE)

    def rows(self, order_ids: Iterable[str]) -> Mapping[str, Mapping[str, Any]]:
        """The rows of orders, by order."""
        with self._connect() as connection:
            found = connection.execute("SELECT * FROM orders WHERE order_id = ANY(%s)", [list(order_ids)]).fetchall()
        return {str(row["order_id"]): row for row in found}

    def _connect(self) -> "psycopg.Connection[dict[str, Any]]":
        return psycopg.connect(
            host=self.host,
            port=self.port,
            dbname=self.database,
            user=self.username,
            password=self.password,
            sslmode=self.sslmode,
            sslrootcert="system" if self.sslmode == _MODES[0] else None,
            connect_timeout=10,
            application_name="ipaas-demo",
            row_factory=dict_row,
        )


def _invalid(message: str) -> InvalidInput:
    return InvalidInput([{"path": SETTING, "code": "warehouse.address", "message": message}])
