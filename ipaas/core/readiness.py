"""Whether a process can do its work now: what it needs is asked, briefly remembered, and told in one word."""

import time
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Final, Literal

from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from redis import Redis
from redis.exceptions import RedisError

from ipaas.config import settings
from ipaas.core import providers
from ipaas.core.errors import IpaasError

KEEP_S: Final = 1.0
"""How long an answer holds: who asks without end asks the database once in that time."""
State = Literal["ok", "degraded", "down"]


@dataclass(frozen=True, slots=True)
class Readiness:
    """What each need is like. Redis gone is no more than degraded: work is found by polling then."""

    checks: dict[str, State]

    @property
    def ready(self) -> bool:
        return "down" not in self.checks.values()

    @property
    def status(self) -> str:
        if not self.ready:
            return "unready"
        return "degraded" if "degraded" in self.checks.values() else "ready"


_lock = Lock()
_known: dict[str, tuple[float, Readiness]] = {}


def readiness() -> Readiness:
    """The state of the database, its migrations, Redis and the vault's key. Blocks; not for an event loop."""
    with _lock:
        if "now" not in _known or _known["now"][0] < time.monotonic():
            found = Readiness({**_database(), "redis": _redis(), "keys": _keys()})
            _known["now"] = (time.monotonic() + KEEP_S, found)
        return _known["now"][1]


def forget() -> None:
    """Ask anew the next time."""
    _known.clear()


def _database() -> dict[str, State]:
    try:
        applied = set(MigrationRecorder(connection).applied_migrations())
    except DatabaseError:
        return {"database": "down", "migrations": "down"}
    return {"database": "ok", "migrations": "ok" if _wanted() <= applied else "down"}


@cache
def _wanted() -> frozenset[tuple[str, str]]:
    loader = MigrationLoader(None)
    return frozenset(loader.disk_migrations)


def _redis() -> State:
    redis = Redis.from_url(settings().redis_url, socket_timeout=0.5, socket_connect_timeout=0.5)
    try:
        redis.ping()
    except (RedisError, OSError):
        return "degraded"
    finally:
        redis.close()
    return "ok"


def _keys() -> State:
    try:
        providers.get("vault.keyring")()
    except IpaasError:
        return "down"
    return "ok"
