"""Database connections that end with their thread.

Django keeps one connection per thread, in a cycle of objects: of a server's thread that ended it would stay open, with
its server process, until a collection happens to find it, and an idle process collects nothing.
"""

import threading
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created


class _Closing:
    """Closes a connection when nothing refers to it any more: when its thread's locals go."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    def __del__(self) -> None:
        self.connection.close()


_of_thread = threading.local()


def close_with_threads() -> None:
    """From now on; the main thread's connection lives as long as the process."""
    connection_created.connect(_keep, dispatch_uid="close_with_threads")


def _keep(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if threading.current_thread() is threading.main_thread():
        return
    kept: dict[str, _Closing] = _of_thread.__dict__.setdefault("closing", {})
    held = kept.get(connection.alias)
    if held is None or held.connection is not connection:
        kept[connection.alias] = _Closing(connection)
