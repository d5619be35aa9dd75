"""ORM work beside the event loop, on threads of its own."""

import asyncio
import os
import weakref
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, ParamSpec, TypeVar

from django.db import close_old_connections, connections

P = ParamSpec("P")
T = TypeVar("T")


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="catalog")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run ``function`` on a database connection that is checked first."""

    def run() -> T:
        close_old_connections()
        return function(*args, **kwargs)

    return await asyncio.get_running_loop().run_in_executor(_pool(), run)


_under_way: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, asyncio.Task[Any]]]" = (
    weakref.WeakKeyDictionary()
)


async def once_in_thread(key: Hashable, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Like ``in_thread``, but all who ask for the same key at the same time share one run."""
    tasks = _under_way.setdefault(asyncio.get_running_loop(), {})
    task: asyncio.Task[T] | None = tasks.get(key)
    if task is None:
        task = tasks[key] = asyncio.create_task(in_thread(function, *args, **kwargs))
        task.add_done_callback(lambda done: (tasks.pop(key, None), done.cancelled() or done.exception()))
    return await asyncio.shield(task)


os.register_at_fork(after_in_child=_pool.cache_clear)


def close_thread_connections() -> None:
    """Give the threads' database connections back; for shutdown and tests."""
    _pool().submit(connections.close_all).result()
